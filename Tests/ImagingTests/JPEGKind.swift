import CJPEG
import CVips
import Testing

/// A way to encode JPEG that libvips has no option for.
struct JPEGKind: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Horizontal and vertical sampling factors of each component, four bits each.
  var sampling: [UInt8]
  /// The marker of the frame: 0xC0 baseline, 0xC2 progressive, 0xC9 arithmetic coding.
  var frame: UInt8 = 0xC0
  /// MCUs.
  var restartInterval: UInt8 = 0
  /// Adobe's colour transform where it is told: 0 none, 2 YCCK.
  var transform: UInt8?
  var quality: Int32 = 80

  static let baseline420 = JPEGKind(testDescription: "4:2:0", sampling: [0x22, 0x11, 0x11])

  static let all = [
    baseline420,
    JPEGKind(testDescription: "4:4:4", sampling: [0x11, 0x11, 0x11]),
    JPEGKind(testDescription: "4:2:2", sampling: [0x21, 0x11, 0x11], quality: 40),
    JPEGKind(testDescription: "4:4:0", sampling: [0x12, 0x11, 0x11]),
    JPEGKind(testDescription: "4:1:1", sampling: [0x41, 0x11, 0x11]),
    JPEGKind(testDescription: "uneven", sampling: [0x22, 0x12, 0x21]),
    JPEGKind(testDescription: "progressive", sampling: [0x22, 0x11, 0x11], frame: 0xC2, quality: 98),
    JPEGKind(testDescription: "arithmetic", sampling: [0x22, 0x11, 0x11], frame: 0xC9),
    JPEGKind(testDescription: "restarts", sampling: [0x22, 0x11, 0x11], restartInterval: 3),
    JPEGKind(testDescription: "grey", sampling: [0x11]),
    JPEGKind(testDescription: "grey of four blocks", sampling: [0x22]),
    JPEGKind(testDescription: "RGB", sampling: [0x11, 0x11, 0x11], transform: 0),
    JPEGKind(testDescription: "CMYK", sampling: [0x11, 0x11, 0x11, 0x11], transform: 0),
    JPEGKind(testDescription: "YCCK", sampling: [0x22, 0x11, 0x11, 0x22], transform: 2),
  ]

  /// A picture of this kind with smooth parts and edges.
  func encoded(_ width: Int, _ height: Int) throws -> [UInt8] {
    let raw = RawImage(sample: width, height, bands: sampling.count, isCMYK: sampling.count == 4)
    let pattern = try pattern(raw)
    return try pattern.withUnsafeBytes { bytes in
      let jpeg = try #require(cjpeg_open(bytes.baseAddress!, bytes.count))
      defer { cjpeg_close(jpeg) }
      let pixels = raw.values.map { UInt8($0) ^ (raw.isCMYK ? 0xFF : 0) }
      var count = 0
      #expect(cjpeg_start(jpeg, Int32(width), Int32(height), 0))
      #expect(cjpeg_add_rows(jpeg, pixels, Int32(height)))
      let made = try #require(cjpeg_finish(jpeg, &count))
      return Array(UnsafeBufferPointer(start: made, count: count))
    }
  }

  /// A file that says to be of this kind, up to where its data begins.
  private func pattern(_ raw: RawImage) throws -> [UInt8] {
    var file: [UInt8] = [0xFF, 0xD8]
    if restartInterval > 0 { file += [0xFF, 0xDD, 0, 4, 0, restartInterval] }
    if let transform { file += [0xFF, 0xEE, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, transform] }
    for var segment in try jpegSegments(raw.encoded(as: CVIPS_JPEG, quality: quality)) {
      if transform != nil, [0xE0, 0xEE].contains(segment.marker) { continue }
      if segment.marker == 0xC0 {
        segment.bytes[1] = frame
        for (index, factors) in sampling.enumerated() { segment.bytes[11 + 3 * index] = factors }
      }
      file += segment.bytes
    }
    return file + [0xFF, 0xD9]
  }
}

/// How a JPEG file is encoded, by its header alone.
struct JPEGCoding: Equatable {
  var frame: UInt8 = 0
  var width = 0, height = 0
  var sampling: [UInt8] = []
  var tables: [UInt8: [UInt8]] = [:]
  var restartInterval: [UInt8] = []

  init(_ file: [UInt8]) throws {
    for segment in try jpegSegments(file) {
      let body = Array(segment.bytes[4...])
      switch segment.marker {
      case 0xC0...0xC3, 0xC9, 0xCA:
        frame = segment.marker
        (height, width) = (Int(body[1]) << 8 | Int(body[2]), Int(body[3]) << 8 | Int(body[4]))
        sampling = (0..<Int(body[5])).map { body[7 + 3 * $0] }
      case 0xDB:
        for at in stride(from: 0, to: body.count, by: 65) { tables[body[at]] = Array(body[at + 1..<at + 65]) }
      case 0xDD: restartInterval = body
      default: continue
      }
    }
  }
}

/// The segments up to that of the first scan.
func jpegSegments(_ file: [UInt8]) throws -> [(marker: UInt8, bytes: [UInt8])] {
  var found: [(marker: UInt8, bytes: [UInt8])] = []
  var at = 2
  while found.last?.marker != 0xDA {
    guard at + 4 <= file.count, file[at] == 0xFF else { throw SetupError("no JPEG segment at \(at)") }
    let end = at + 2 + Int(file[at + 2]) << 8 + Int(file[at + 3])
    found.append((file[at + 1], Array(file[at..<end])))
    at = end
  }
  return found
}
