/// The tags of the first picture in a TIFF file, as far as they lie inside the file.
struct TIFFTags {
  private let bytes: [UInt8]
  private let isLittleEndian: Bool
  /// Where the values of each tag lie.
  private var places: [Int: Range<Int>] = [:]

  /// nil: not a TIFF file of the usual kind (BigTIFF is another).
  init?(_ bytes: [UInt8]) {
    let head = bytes.prefix(4)
    guard bytes.count >= 8,
      head.elementsEqual([0x49, 0x49, 42, 0]) || head.elementsEqual([0x4D, 0x4D, 0, 42])
    else { return nil }
    self.bytes = bytes
    isLittleEndian = bytes[0] == 0x49
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2) else {
      return nil
    }
    for entry in 0..<count {
      let at = directory + 2 + 12 * entry
      guard let tag = number(at: at, bytes: 2), let type = number(at: at + 2, bytes: 2),
        let length = number(at: at + 4, bytes: 4), let offset = number(at: at + 8, bytes: 4)
      else { break }
      let size = length * (Self.sizes[type] ?? 1)
      let start = size <= 4 ? at + 8 : offset
      guard start + size <= bytes.count, places[tag] == nil else { continue }
      places[tag] = start..<start + size
    }
  }

  /// Bytes of a value of each type that is read here.
  private static let sizes = [1: 1, 2: 1, 3: 2, 4: 4]

  /// Where the values of a tag lie in the file; nil: it has no such tag.
  func place(of tag: Int) -> Range<Int>? { places[tag] }

  /// The first value of a tag of 16-bit numbers.
  func short(_ tag: Int) -> Int? { places[tag].flatMap { number(at: $0.lowerBound, bytes: 2) } }

  func text(_ tag: Int) -> String? {
    places[tag].map { String(decoding: bytes[$0].prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// A number as this file writes it.
  func encoded(_ value: UInt16) -> [UInt8] {
    let (low, high) = (UInt8(value & 255), UInt8(value >> 8))
    return isLittleEndian ? [low, high] : [high, low]
  }

  func number(at start: Int, bytes count: Int) -> Int? {
    guard start >= 0, start + count <= bytes.count else { return nil }
    let part = bytes[start..<start + count]
    return (isLittleEndian ? Array(part.reversed()) : Array(part)).reduce(0) { $0 << 8 | Int($1) }
  }
}
