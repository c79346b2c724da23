import CRaw
import Imaging
import Testing

/// A DNG file of 96 x 64 pixels whose sensor was lit more and more from left to right.
private func negative(photometric: Int = 32803) -> [UInt8] {
  func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
  func long(_ value: Int) -> [UInt8] { short(value & 0xFFFF) + short(value >> 16) }
  let (width, height) = (96, 64)
  let samples = (0..<width * height).flatMap { short(2000 + 500 * ($0 % width)) }
  let matrix = [3240, -1537, -499, -969, 1876, 42, 56, -204, 1057].flatMap {
    long($0 & 0xFFFF_FFFF) + long(1000)
  }
  let fields: [(tag: Int, type: Int, count: Int, value: [UInt8])] = [
    (254, 4, 1, long(0)), (256, 4, 1, long(width)), (257, 4, 1, long(height)), (258, 3, 1, short(16)),
    (259, 3, 1, short(1)), (262, 3, 1, short(photometric)), (271, 2, 5, Array("RTool".utf8)),
    (272, 2, 6, Array("Sensor".utf8)), (273, 4, 1, long(0)), (274, 3, 1, short(1)), (277, 3, 1, short(1)),
    (278, 4, 1, long(height)), (279, 4, 1, long(samples.count)), (33421, 3, 2, short(2) + short(2)),
    (33422, 1, 4, [0, 1, 1, 2]), (50706, 1, 4, [1, 4, 0, 0]), (50708, 2, 6, Array("Sensor".utf8)),
    (50717, 4, 1, long(65535)), (50721, 10, 9, matrix),
    (50728, 5, 3, [1, 1, 1].flatMap { long($0) + long(1) }),
    (50778, 3, 1, short(21)),
  ]
  let start = 8 + 2 + 12 * fields.count + 4
  var (directory, values) = (short(fields.count), [UInt8]())
  let room = fields.filter { $0.value.count > 4 }.reduce(0) { $0 + ($1.value.count + 1) / 2 * 2 }
  for field in fields {
    directory += short(field.tag) + short(field.type) + long(field.count)
    if field.tag == 273 {
      directory += long(start + room)
    } else if field.value.count > 4 {
      directory += long(start + values.count)
      values += field.value + (field.value.count % 2 == 0 ? [] : [0])
    } else {
      directory += field.value + [UInt8](repeating: 0, count: 4 - field.value.count)
    }
  }
  return Array("II*\0".utf8) + long(8) + directory + long(0) + values + samples
}

@Suite struct RawTests {
  @Test func rawFilesAreTold() throws {
    #expect(try SourceImage.open(bytes: negative(photometric: 1)).format == .tiff)
    for head in ["II*\0\u{10}\0\0\0CR", "IIRO", "FUJIFILMCCD-RAW 0201", "\0\0\0\u{18}ftypcrx "] {
      #expect(Format(sniffing: Array(head.utf8)) == .raw)
    }
  }

  @Test(.enabled(if: !craw_is_available(), "LibRaw is installed")) func theMissingLibraryIsNamed() {
    let error = #expect(throws: ImagingError.self) { try SourceImage.open(bytes: negative()) }
    #expect(error?.kind == .unsupported && error?.description.contains("LibRaw") == true)
    #expect(isOneLine(error))
  }

  @Test(.enabled(if: craw_is_available(), "LibRaw is not installed")) func rawFilesAreDeveloped() throws {
    let source = try SourceImage.open(bytes: negative())
    #expect(source.format == .raw && source.bitDepth == 16 && (source.width, source.height) == (96, 64))
    #expect(source.colourWarning?.contains("camera raw") == true)
    let picture = try source.rgb()
    func mean(_ x: Int) -> Float {
      picture.pixels[3 * (32 * 96 + x)..<3 * (32 * 96 + x) + 3].reduce(0, +) / 3
    }
    #expect(mean(10) < mean(40) && mean(40) < mean(80))
    #expect(throws: ImagingError.self) { try source.patched(with: []).encoded(as: .raw) }
    #expect(try source.patched(with: []).encoded(as: .png).notes.contains { $0.contains("camera raw") })
    let limits = Limits(maxPixels: 1000)
    let error = #expect(throws: ImagingError.self) {
      try SourceImage.open(.bytes(negative(), name: "test"), limits: limits)
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test(.enabled(if: craw_is_available(), "LibRaw is not installed")) func damagedFilesDoNoHarm() {
    let whole = negative()
    for place in stride(from: 4, to: 460, by: 3) {
      var bytes = whole
      bytes[place] ^= 0xA5
      do throws(ImagingError) {
        _ = try SourceImage.open(.bytes(bytes, name: "test"), limits: Limits(maxPixels: 1 << 20))
      } catch {
        #expect(isOneLine(error))
      }
    }
  }
}
