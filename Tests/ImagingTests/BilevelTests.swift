import CVips
import Imaging
import Testing

/// Scans of one bit per pixel.
@Suite struct BilevelTests {
  private static let (width, height) = (50, 20)
  private static let pixels = (0..<width * height).map { UInt8($0 % 7 < 3 || $0 / width % 5 == 0 ? 255 : 0) }

  /// Black and white in one bit, made by the library alone.
  private func scan(
    _ format: cvips_format, _ compression: cvips_compression = CVIPS_GROUP4, isWhiteZero: Bool = true
  ) throws -> [UInt8] {
    if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
    guard let image = cvips_wrap(Self.pixels, Int32(Self.width), Int32(Self.height), 1, CVIPS_UINT8) else {
      throw SetupError("wrap")
    }
    defer { cvips_unref(image) }
    var (encoding, count) = (cvips_encoding(), 0)
    (encoding.bit_depth, encoding.quality, encoding.effort) = (1, -1, -1)
    (encoding.compression, encoding.white_is_zero) = (compression, isWhiteZero)
    guard let bytes = cvips_encode(image, format, encoding, &count) else { throw SetupError("encode") }
    defer { cvips_free(bytes) }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// The same as a PBM file, whose rows end within a byte.
  private var bitmap: [UInt8] {
    var bytes = Array("P4\n\(Self.width) \(Self.height)\n".utf8)
    for row in stride(from: 0, to: Self.pixels.count, by: Self.width) {
      let bits = Self.pixels[row..<row + Self.width].map { $0 == 0 ? UInt8(1) : 0 }
      for start in stride(from: 0, to: Self.width, by: 8) {
        bytes.append((0..<8).reduce(0) { $0 << 1 | (start + $1 < Self.width ? bits[start + $1] : 0) })
      }
    }
    return bytes
  }

  /// A patch of a soft grey from black to white over the lower right.
  private func changed(_ bytes: [UInt8]) throws -> ResultImage {
    var patch = FloatImage(width: 10, height: 10, channels: 3)
    for at in patch.pixels.indices { patch.pixels[at] = Float(at / 3 % 10) / 9 }
    return try SourceImage.open(bytes: bytes).patched(with: [Patch(x: 40, y: 10, image: patch)])
  }

  private func expectScan(_ file: EncodedImage, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let read = try SourceImage.open(bytes: file.bytes).rgb()
    for y in 0..<Self.height {
      for x in 0..<Self.width {
        let isNew = x >= 40 && y >= 10
        let wanted = isNew ? x - 40 >= 5 : Self.pixels[y * Self.width + x] == 255
        #expect(read[x, y, 0] == (wanted ? 1 : 0), "\(x), \(y)", sourceLocation: sourceLocation)
      }
    }
    #expect(file.notes.count == 1 && file.notes[0].contains("--bit-depth 8"), sourceLocation: sourceLocation)
  }

  @Test(
    arguments: [
      (CVIPS_GROUP4, 4), (CVIPS_LZW, 5), (CVIPS_DEFLATE, 8), (CVIPS_PACKBITS, 32773), (CVIPS_UNCOMPRESSED, 1),
    ] as [(cvips_compression, Int)], [true, false])
  func aScanKeepsItsBitAndItsCompression(
    _ compression: (native: cvips_compression, number: Int), _ isWhiteZero: Bool
  ) throws {
    let before = try scan(CVIPS_TIFF, compression.native, isWhiteZero: isWhiteZero)
    #expect(TIFFBytes.fields(before)?[259]?.number(bigEndian: false) == compression.number)
    let file = try changed(before).encoded(as: .tiff)
    try expectScan(file)
    let fields = try #require(TIFFBytes.fields(file.bytes))
    #expect(fields[258]?.number(bigEndian: false) ?? 1 == 1)
    #expect(fields[259]?.number(bigEndian: false) == compression.number)
    #expect(fields[262]?.number(bigEndian: false) == (isWhiteZero ? 0 : 1))
    // What did not change is told nothing of.
    #expect(try SourceImage.open(bytes: before).patched(with: []).encoded(as: .tiff).notes.isEmpty)
  }

  /// The chunk IHDR, and the magic number of a bitmap.
  @Test func otherFormatsOfOneBitStayThat() throws {
    let png = try changed(scan(CVIPS_PNG)).encoded(as: .png)
    #expect(png.bytes[24] == 1 && png.bytes[25] == 0)
    try expectScan(png)
    let made = try changed(bitmap).encoded(as: .ppm)
    #expect(made.bytes.starts(with: "P4".utf8))
    try expectScan(made)
    let crossed = try changed(scan(CVIPS_PNG)).encoded(as: .tiff)
    #expect(TIFFBytes.fields(crossed.bytes)?[259]?.number(bigEndian: false) == 4)
    try expectScan(crossed)
  }

  @Test func greysAreKeptWhereTheyAreWanted() throws {
    for options in [WriteOptions(keepsBilevel: false), WriteOptions(bitDepth: 8)] {
      let file = try changed(scan(CVIPS_TIFF)).encoded(as: .tiff, options: options)
      #expect(file.notes.isEmpty)
      #expect(TIFFBytes.fields(file.bytes)?[258]?.number(bigEndian: false) == 8)
      #expect(abs(try SourceImage.open(bytes: file.bytes).rgb()[44, 15, 0] - 4.0 / 9) < 0.01)
    }
    // A format without such files, and a result with transparency.
    #expect(try changed(scan(CVIPS_TIFF)).encoded(as: .webp).notes.isEmpty)
    let hole = FloatImage(width: 5, height: 5, channels: 4)
    let clear = try SourceImage.open(bytes: scan(CVIPS_TIFF)).patched(with: [Patch(x: 0, y: 0, image: hole)])
    #expect(try SourceImage.open(bytes: clear.encoded(as: .tiff).bytes).hasAlpha)
  }
}
