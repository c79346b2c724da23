import CVips
import Imaging
import Testing

/// The segments of an upright picture become those of one that is stored with an orientation.
@Suite struct JPEGSegmentTests {
  private func segment(_ block: [UInt8]) -> JPEGSegment {
    let length = block.count + 2
    return JPEGSegment(marker: 0xE1, bytes: [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + block)
  }

  private func orientation(_ segments: [JPEGSegment]) throws -> String? {
    let file = try JPEGKind.baseline420.encoded(16, 16)
    return try text(
      "exif-ifd0-Orientation", in: file[..<2] + segments.flatMap(\.bytes) + file[2...], CVIPS_JPEG)
  }

  @Test(arguments: 2...8) func theTagIsSet(_ value: Int) throws {
    let stored = try #require([segment(exif())].stored(as: StoredOrientation(exif: value), 16, 16))
    #expect(try orientation(stored)?.hasPrefix("\(value)") == true)
    #expect(stored.count == 1)
  }

  @Test(arguments: 2...8) func theTagIsAddedWhereThereIsNoEXIF(_ value: Int) throws {
    let comment = JPEGSegment(marker: 0xFE, bytes: [0xFF, 0xFE, 0, 3, 65])
    let stored = try #require([comment].stored(as: StoredOrientation(exif: value), 16, 16))
    #expect(try orientation(stored)?.hasPrefix("\(value)") == true)
    #expect(stored.last?.bytes == comment.bytes)
  }

  @Test func uprightSegmentsStay() throws {
    let stored = try #require([segment(exif())].stored(as: StoredOrientation(exif: 1), 16, 16))
    #expect(stored.map(\.bytes) == [segment(exif()).bytes])
  }

  @Test func damagedEXIFDoesNoHarm() {
    let block = exif()
    for length in 6..<block.count {
      _ = [segment(Array(block[..<length]))].stored(as: StoredOrientation(exif: 6), 16, 16)
    }
    #expect([segment(Array(block[..<20]))].stored(as: StoredOrientation(exif: 6), 16, 16) == nil)
    var random = SplitMix(seed: 5)
    for _ in 0..<2000 {
      var damaged = block
      for _ in 0..<3 {
        damaged[Int.random(in: 6..<block.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = [segment(damaged)].stored(as: StoredOrientation(exif: 6), 16, 16)
    }
  }
}
