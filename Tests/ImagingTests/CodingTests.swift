import CAVIF
import CVips
import Glibc
import Imaging
import Testing

/// How colours and depths are coded, where a file says it with numbers instead of a profile.
@Suite struct CodingTests {
  private static let p3 = [31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000]

  /// A PNG file of these pixels with a chunk behind its header.
  private func file(_ raw: RawImage, _ chunks: (String, [UInt8])...) throws -> [UInt8] {
    var bytes = try raw.encoded(as: CVIPS_PNG)
    for (type, data) in chunks.reversed() {
      bytes.replaceSubrange(33..<33, with: pngChunk(type, data))
    }
    return bytes
  }

  private func numbers(_ values: [Int]) -> [UInt8] {
    values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
  }

  @Test func primariesOfPNGAreHonoured() throws {
    let raw = RawImage(sample: 24, 16, bands: 3, isWide: true)
    let wanted = stride(from: 0, to: raw.values.count, by: 3).flatMap { at in
      [Float](displayP3: (0..<3).map { Float(raw.values[at + $0]) / 65535 }).map { min(max($0, 0), 1) }
    }
    for chunk in [("cHRM", numbers(Self.p3)), ("cICP", [12, 13, 0, 1])] {
      let source = try SourceImage.open(bytes: file(raw, chunk))
      let found = try source.rgb()
      for (a, b) in zip(found.pixels, wanted) { #expect(abs(a - b) < 0.003) }
      #expect(source.colourWarning == nil)
      // Nothing was changed, so nothing is, and the colours mean the same in what is written.
      let result = try source.patched(with: [
        Patch(x: 4, y: 4, image: found.cropped(x: 4, y: 4, width: 8, height: 8))
      ])
      for (format, native) in [(Format.png, CVIPS_PNG), (.tiff, CVIPS_TIFF)] {
        let written = try result.encoded(as: format).bytes
        #expect(try RawImage(decoding: written, native).values == raw.values)
        let again = try SourceImage.open(bytes: written).rgb()
        // The profile that says the same goes through a grid of colours.
        let differences = zip(again.pixels, found.pixels).map { abs($0 - $1) }
        #expect(differences.max()! < 0.1 && differences.reduce(0, +) < 0.005 * Float(differences.count))
      }
    }
  }

  /// As numbers, in the place of a profile; all else of the file stays where it is.
  @Test func codePointsOfHEICAreWritten() throws {
    guard Imaging.canWrite(.heic) else { return }
    let raw = RawImage(sample: 48, 32, bands: 3)
    let source = try SourceImage.open(bytes: file(raw, ("cICP", [12, 13, 0, 1])))
    let result = try source.patched(with: [])
    let options = WriteOptions(quality: 100)
    let written = try result.encoded(as: .heic, options: options, provenance: "how").bytes
    var header = cvips_heif_coding()
    #expect(cvips_heif_coding_of(written, written.count, &header))
    #expect(header.primaries == 12 && header.transfer == 13)
    #expect(!contains("colrrICC", written) && !contains("colrprof", written) && contains("colrnclx", written))
    let again = try SourceImage.open(bytes: written)
    #expect(again.provenance == "how")
    let (found, wanted) = (try again.rgb().pixels, try source.rgb().pixels)
    #expect(zip(found, wanted).reduce(0) { $0 + abs($1.0 - $1.1) } < 0.03 * Float(found.count))
    // The same once more, from HEIC to HEIC.
    let third = try again.patched(with: []).encoded(as: .heic, options: options).bytes
    #expect(cvips_heif_coding_of(third, third.count, &header) && header.primaries == 12)
    // A profile of the file's own stays.
    let own = try RawImage(sample: 32, 24, bands: 3).encoded(
      as: CVIPS_PNG, fields: ["icc-profile-data": profile("p3")])
    let kept = try SourceImage.open(bytes: own).patched(with: []).encoded(as: .heic).bytes
    let hasProfile = contains("colrrICC", kept) || contains("colrprof", kept)
    #expect(hasProfile && !contains("colrnclx", kept))
  }

  @Test func gammaOfPNGIsHonoured() throws {
    let raw = RawImage(width: 3, height: 1, bands: 1, values: [0, 128, 255])
    let linear = try SourceImage.open(bytes: file(raw, ("gAMA", numbers([100_000])))).rgb()
    // sRGB of half the light.
    #expect(abs(linear[1, 0, 0] - 0.7365) < 0.002 && linear[0, 0, 0] == 0 && linear[2, 0, 0] > 0.999)
    for chunk in [
      ("gAMA", numbers([45455])), ("gAMA", numbers([0])), ("cHRM", numbers([Int](repeating: 0, count: 8))),
    ] {
      let plain = try SourceImage.open(bytes: file(raw, chunk))
      #expect(try plain.profile == nil && plain.rgb()[1, 0, 0] == 128 / 255)
    }
    let both = try SourceImage.open(bytes: file(raw, ("sRGB", [0]), ("gAMA", numbers([100_000]))))
    #expect(both.profile == nil)
  }

  @Test(arguments: [(UInt8(16), UInt16(38055)), (18, 49151)])
  func highlightsOfHDRAreKept(_ transfer: UInt8, _ white: UInt16) throws {
    // White paper, a highlight and a shadow.
    let raw = RawImage(
      width: 4, height: 1, bands: 3, values: [white, 65535, 9000, 9000].flatMap { [$0, $0, $0] }, isWide: true
    )
    let bytes = try file(raw, ("cICP", [9, transfer, 0, 1]))
    let source = try SourceImage.open(bytes: bytes)
    #expect(source.colourWarning?.contains("HDR") == true)
    let rgb = try source.rgb()
    #expect(abs(rgb[0, 0, 0] - 1) < 0.01 && rgb[1, 0, 1] > 0.99 && rgb[2, 0, 2] < 0.3)
    var patch = try rgb.cropped(x: 1, y: 0, width: 2, height: 1)
    for c in 0..<3 { patch[1, 0, c] = 0.5 }
    let written = try source.patched(with: [Patch(x: 1, y: 0, image: patch)]).encoded(as: .png).bytes
    let back = try RawImage(decoding: written, CVIPS_PNG)
    for x in [0, 1, 3] { #expect(back[x, 0] == raw[x, 0]) }
    let again = try SourceImage.open(bytes: written)
    #expect(written[33..<49].elementsEqual(pngChunk("cICP", [9, transfer, 0, 1])))
    #expect(abs(try again.rgb()[2, 0, 0] - 0.5) < 0.005)
  }

  @Test(.enabled(if: cavif_is_available(), "libavif is not installed"))
  func tenBitsOfAVIFStay() throws {
    let raw = RawImage(sample: 64, 48, bands: 3, isWide: true)
    let first = try SourceImage.open(bytes: file(raw, ("cICP", [12, 13, 0, 1])))
    let ten = try first.patched(with: []).encoded(as: .avif, options: WriteOptions(quality: 90, bitDepth: 10))
      .bytes
    func check(_ bytes: [UInt8]) {
      var (header, coding) = (cavif_header(), cvips_heif_coding())
      #expect(cavif_read_header(bytes, bytes.count, &header))
      #expect(header.depth == 10 && header.full_chroma && header.frames == 1)
      #expect(cvips_heif_coding_of(bytes, bytes.count, &coding))
      #expect(coding.depth == 10 && coding.primaries == 12 && coding.transfer == 13 && coding.matrix == 6)
    }
    check(ten)
    let source = try SourceImage.open(bytes: ten)
    let result = try source.patched(with: [])
    let again = try result.encoded(as: .avif, provenance: "{}").bytes
    check(again)
    #expect(try SourceImage.open(bytes: again).provenance == "{}")
    let (a, b) = (try source.rgb(), try first.rgb())
    let difference = zip(a.pixels, b.pixels).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(difference < 0.15)
    // With alpha, and grey.
    for bands in [1, 2, 4] {
      let other = try SourceImage.open(bytes: RawImage(sample: 20, 12, bands: bands).encoded(as: CVIPS_PNG))
      let file = try other.patched(with: []).encoded(
        as: .avif, options: WriteOptions(quality: 100, bitDepth: 10))
      let read = try SourceImage.open(bytes: file.bytes)
      #expect(read.hasAlpha == (bands % 2 == 0) && read.width == 20)
      if let alpha = try read.alpha(), let wanted = try other.alpha() {
        for (x, y) in zip(alpha.pixels, wanted.pixels) { #expect(abs(x - y) < 0.01) }
      }
    }
  }

  /// A TIFF file of floats.
  private func floats(_ values: [Float], _ width: Int, _ height: Int, _ bands: Int) throws -> [UInt8] {
    if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
    guard let image = cvips_wrap(values, Int32(width), Int32(height), Int32(bands), CVIPS_FLOAT) else {
      throw SetupError("wrap")
    }
    defer { cvips_unref(image) }
    var (encoding, count) = (cvips_encoding(), 0)
    encoding.bit_depth = 32
    guard let bytes = cvips_encode(image, CVIPS_TIFF, encoding, &count) else { throw SetupError("encode") }
    defer { cvips_free(bytes) }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  private func values(_ bytes: [UInt8]) throws -> [Float] {
    guard let image = cvips_decode(CVIPS_TIFF, bytes, bytes.count) else { throw SetupError("decode") }
    defer { cvips_unref(image) }
    let header = cvips_header_of(image)
    #expect(header.type == CVIPS_FLOAT)
    var values = [Float](repeating: 0, count: Int(header.width * header.height * header.bands))
    guard cvips_read(image, &values) == 0 else { throw SetupError("read") }
    return values
  }

  @Test(arguments: [1, 3, 4]) func floatsStayFloats(_ bands: Int) throws {
    var samples = (0..<16 * 12 * bands).map { Float($0 % 251) / 250 }
    // Outside of what can be shown.
    (samples[0], samples[bands]) = (1.5, -0.25)
    let source = try SourceImage.open(bytes: floats(samples, 16, 12, bands))
    #expect(source.bitDepth == 32 && source.colourWarning?.contains("1.5") == true)
    let rgb = try source.rgb()
    #expect(rgb.pixels.allSatisfy { (0...1).contains($0) })
    #expect(abs(rgb[5, 3, 0] - samples[(3 * 16 + 5) * bands]) < 1e-4)
    // What is shown again changes nothing; one pixel does.
    var patch = try rgb.cropped(x: 0, y: 0, width: 8, height: 8)
    for c in 0..<3 { patch[4, 4, c] = 0.3 }
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: patch)])
    let written = try values(result.encoded(as: .tiff).bytes)
    for at in samples.indices where !(at / bands == 4 * 16 + 4 && at % bands < 3) {
      #expect(written[at] == samples[at])
    }
    for band in 0..<min(bands, 3) { #expect(abs(written[(4 * 16 + 4) * bands + band] - 0.3) < 1e-4) }
    let png = try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG)
    #expect(png.isWide && abs(Int(png[5, 3][0]) - Int(samples[(3 * 16 + 5) * bands] * 65535)) <= 1)
    #expect(try source.resized(width: 8, height: 6).rgb().pixels.allSatisfy { (0...1).contains($0) })
    _ = try result.thumbnail(longestSide: 8)
  }

  @Test func floatsThatReachFurtherAreRefused() throws {
    let bytes = try floats((0..<300).map { Float($0 % 256) }, 10, 10, 3)
    #expect(throws: ImagingError.self) { try SourceImage.open(bytes: bytes) }
    let error = #expect(throws: ImagingError.self) { try SourceImage.open(bytes: bytes) }
    #expect(error?.kind == .unsupported && "\(error!)".contains("reach 255"))
  }
}
