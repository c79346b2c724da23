/// A segment of a JPEG file: APP0 (0xE0) to APP15 (0xEF) or a comment (0xFE), without its head.
struct JPEGSegment: Sendable {
  static let comment: UInt8 = 0xFE
  /// The most bytes that one holds.
  static let room = 65533

  let marker: UInt8
  let payload: [UInt8]

  /// With its head.
  var bytes: [UInt8] {
    [0xFF, marker] + numberBytes(of: payload.count + 2, size: 2, bigEndian: true) + payload
  }

  /// The segments of an ICC profile (ICC.1, annex B.4); none for one that is empty.
  static func profile(_ profile: [UInt8]) -> [JPEGSegment] {
    let room = room - 14
    let count = (profile.count + room - 1) / room
    guard count <= 255 else { return [] }
    return (0..<count).map { index in
      let part = profile[index * room..<min((index + 1) * room, profile.count)]
      return JPEGSegment(
        marker: 0xE2, payload: Array("ICC_PROFILE\0".utf8) + [UInt8(index + 1), UInt8(count)] + part)
    }
  }

  /// All that come before the pixels.
  static func all(in file: some ByteCollection) -> [JPEGSegment] {
    var found: [JPEGSegment] = []
    walk(file) { marker, range in
      if (0xE0...0xEF).contains(marker) || marker == comment {
        found.append(JPEGSegment(marker: marker, payload: Array(file[range.dropFirst(4)])))
      }
      return true
    }
    return found
  }

  /// The segments at the start of a file, up to the first that describes its pixels, and where that begins.
  static func leading(_ file: some ByteCollection) -> (segments: [JPEGSegment], end: Int) {
    var found: [JPEGSegment] = []
    var end = 2
    walk(file) { marker, range in
      guard (0xE0...0xEF).contains(marker) || marker == comment else { return false }
      found.append(JPEGSegment(marker: marker, payload: Array(file[range.dropFirst(4)])))
      end = range.upperBound
      return true
    }
    return (found, end)
  }

  enum Trailer { case nothing, picture, other }

  /// What follows the first picture of a file; zeros are nothing.
  static func trailer(_ file: [UInt8]) -> Trailer {
    guard let end = endOfPicture(file, from: 0) else { return .nothing }
    let rest = file[end...].drop { $0 == 0 }
    if rest.starts(with: [0xFF, 0xD8, 0xFF]) { return .picture }
    return rest.contains { $0 != 0 && $0 != 0xFF } ? .other : .nothing
  }

  /// Where the picture that begins at a place ends, or nil if it does not.
  static func endOfPicture(_ file: [UInt8], from start: Int) -> Int? {
    var at = start + 2
    while let marker = file[min(at, file.count)...].firstIndex(of: 0xFF), marker + 1 < file.count {
      switch file[marker + 1] {
      case 0xD9: return marker + 2
      case 0xFF: at = marker + 1
      // In the data of a scan: a byte of 0xFF, a restart.
      case 0x00, 0x01, 0xD0...0xD8: at = marker + 2
      default:
        guard let length = file.number(at: marker + 2, size: 2, bigEndian: true) else { return nil }
        at = marker + 2 + max(length, 2)
      }
    }
    return nil
  }

  /// Calls body with the marker and the place of each segment before the pixels, until it returns false.
  private static func walk(_ file: some ByteCollection, _ body: (UInt8, Range<Int>) -> Bool) {
    var at = 2
    while at + 4 <= file.count, file[at] == 0xFF {
      let marker = file[at + 1]
      if marker == 0xFF {  // any number of these may come before a marker
        at += 1
        continue
      }
      guard marker != 0xDA, marker != 0xD9, let length = file.number(at: at + 2, size: 2, bigEndian: true),
        length >= 2, at + 2 + length <= file.count
      else { return }
      if !body(marker, at..<at + 2 + length) { return }
      at += 2 + length
    }
  }
}
