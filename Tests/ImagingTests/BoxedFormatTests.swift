import CVips
import Imaging
import Testing

private let packet = Array(
  """
  <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>kept</dc:format>\
  </rdf:Description></rdf:RDF></x:xmpmeta>
  """.utf8)

private func box(_ type: String, _ data: [UInt8]) -> [UInt8] {
  let size = data.count + 8
  let head = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
  return head + Array(type.utf8) + data
}

/// A file of JPEG XL whose boxes are others.
private func boxed(_ picture: [UInt8], _ boxes: [UInt8]) -> [UInt8] {
  box("JXL ", [0x0D, 0x0A, 0x87, 0x0A]) + box("ftyp", Array("jxl \0\0\0\0jxl ".utf8)) + boxes
    + box("jxlc", picture)
}

/// Bytes in Brotli's format that are stored as they are, up to 64 KiB.
private func stored(_ bytes: [UInt8]) -> [UInt8] {
  let bits: Int = (bytes.count - 1) << 4 | 1 << 20
  let head = [0, 8, 16].map { UInt8(truncatingIfNeeded: bits >> $0) }
  return head + bytes + [3]
}

/// 6 x 4 pixels of (40 x, 60 y, 10 (x + y)) in JPEG 2000 without loss.
let jpeg2000: [UInt8] = bytes(
  hex: """
    0000000c6a5020200d0a870a00000014667479706a703220000000006a7032200000002d6a70326800000016696864720000\
    0004000000060003070700000000000f636f6c7201000000000010000000d66a703263ff4fff51002f000000000006000000\
    040000000000000000000002000000020000000000000000000003070101070101070101ff52000c00000001010004040001\
    ff5c00044040ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e30ff90000a00\
    000000005e0001ff93df80c8121a3fd6e22da3164373a4cf7c27215ba934885f36614aac3fdf80b800c222d53f35e0f037c0\
    e5c8b6568ef8c28e1f851bfaf1df80b800a0c1d473e88325f1f22fe9a01c612f25f14d870c8d7fffd9
    """)

/// 6 x 4 pixels of 700 x + 180 y in JPEG 2000 of 12 bits without loss.
private let jpeg2000Of12Bits: [UInt8] = bytes(
  hex: """
    ff4fff5100290000000000060000000400000000000000000000020000000200000000000000000000010b0101ff52000c00\
    000001000004040001ff5c00044080ff640025000143726561746564206279204f70656e4a5045472076657273696f6e2032\
    2e352e30ff90000a0000000000340001ff93c1fe08801216c9a1a25d41d9f034d9960d9ac3f2c7cde3345f4da71cf07eabe6\
    ff4cb76abf43ffd9
    """)

/// Three frames of 8 x 8 pixels, greys of 64, 128 and 192, in JPEG XL without loss.
private let animatedJPEGXL: [UInt8] = bytes(
  hex: """
    ff0a410401088a5b0208022a000044004b188b15c241014e00000000000000000008022a000044004b188b15c249414e0000\
    0000000000000008022a040044004b188b15c249414e400000000000000000
    """)

private func bytes(hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

@Suite(.enabled(if: Imaging.canWrite(.jxl), "libvips has no JPEG XL")) struct JPEGXLTests {
  @Test(arguments: [1, 2, 3, 4], [false, true]) func nothingIsLostWithoutLoss(_ bands: Int, _ isWide: Bool)
    throws
  {
    let raw = RawImage(sample: 37, 21, bands: bands, isWide: isWide)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let file = try source.patched(with: []).encoded(as: .jxl, options: WriteOptions(lossless: true))
    #expect(file.notes.isEmpty)
    let back = try SourceImage.open(bytes: file.bytes)
    #expect(back.format == .jxl && back.bitDepth == (isWide ? 16 : 8))
    let again = try back.patched(with: []).encoded(as: .png).bytes
    #expect(try RawImage(decoding: again, CVIPS_PNG) == raw)
  }

  /// libvips 8.14 reads the last frame of an animation as if it were a photo.
  @Test func anAnimationIsKnown() throws {
    let source = try SourceImage.open(bytes: animatedJPEGXL)
    #expect(source.pageCount == 3)
    #expect(try abs(source.rgb()[2, 2, 0] - 192 / 255) < 0.01)
    let error = #expect(throws: ImagingError.self) {
      try SourceImage.open(.bytes(animatedJPEGXL, name: "test"), frame: 1)
    }
    #expect(error?.description.contains("only one picture is read") == true)
    let photo = try ResultImage.fresh(picture(16, 12)).encoded(as: .jxl).bytes
    #expect(try SourceImage.open(bytes: photo).pageCount == 1)
    for end in animatedJPEGXL.indices {
      #expect((try? SourceImage.open(bytes: Array(animatedJPEGXL[..<end])))?.pageCount ?? 1 <= 3)
    }
  }

  @Test func qualityChangesTheSize() throws {
    let result = try ResultImage.fresh(picture(64, 64))
    let sizes = try [30, 60, 95].map {
      try result.encoded(as: .jxl, options: WriteOptions(quality: $0)).count
    }
    #expect(sizes[0] < sizes[1] && sizes[1] < sizes[2])
  }

  @Test(arguments: [false, true]) func metadataAreCarried(_ isWide: Bool) throws {
    var file = try RawImage(sample: 32, 24, bands: 3, isWide: isWide).encoded(
      as: CVIPS_PNG, fields: ["xmp-data": packet, "icc-profile-data": profile("p3")])
    file.replaceSubrange(33..<33, with: pngChunk("eXIf", Array(exif(orientation: 6).dropFirst(6))))
    let source = try SourceImage.open(bytes: file)
    let made = try source.patched(with: []).encoded(
      as: .jxl, options: WriteOptions(lossless: true), provenance: "made so")
    #expect(made.notes.isEmpty)
    let back = try SourceImage.open(bytes: made.bytes)
    #expect((back.width, back.height) == (source.width, source.height))
    #expect(back.provenance == "made so" && back.profile == source.profile)
    let again = try back.patched(with: []).encoded(as: .png).bytes
    #expect(try text("exif-ifd0-Model", in: again, CVIPS_PNG)?.contains("RTool Test Camera") == true)
    #expect(contains("<dc:format>kept", try #require(try blob("xmp-data", in: again, CVIPS_PNG))))
    let bare = try back.patched(with: []).encoded(as: .jxl, options: WriteOptions(stripMetadata: true)).bytes
    #expect(!contains("RTool Test", bare) && !contains("dc:format", bare))
  }

  @Test func compressedBoxesAreRead() throws {
    let whole = try RawImage(sample: 16, 12, bands: 3).encoded(as: CVIPS_JXL)
    let block = [0, 0, 0, 0] + Array(exif(orientation: 6).dropFirst(6))
    let file = boxed(
      whole,
      box("brob", Array("Exif".utf8) + stored(block)) + box("brob", Array("xml ".utf8) + stored(packet)))
    let source = try SourceImage.open(bytes: file)
    // The picture itself says how it is turned.
    #expect(source.width == 16)
    let made = try source.patched(with: []).encoded(as: .png)
    #expect(made.notes.isEmpty && contains("RTool Test Camera", made.bytes) && contains(">kept<", made.bytes))
    let damaged = boxed(whole, box("brob", Array("Exif".utf8) + [UInt8](repeating: 0xFF, count: 30)))
    let notes = try SourceImage.open(bytes: damaged).patched(with: []).encoded(as: .png).notes
    #expect(notes.count == 1 && notes[0].contains("the compressed box Exif"))
  }

  @Test func boxesThatLieDoNoHarm() throws {
    let whole = try RawImage(sample: 16, 12, bands: 3).encoded(as: CVIPS_JXL)
    for data in [[], [255, 255, 255, 255], [0, 0, 0, 9, 1]] as [[UInt8]] {
      let source = try SourceImage.open(bytes: boxed(whole, box("Exif", data) + box("brob", data)))
      #expect(!contains("eXIf", try source.patched(with: []).encoded(as: .png).bytes))
    }
    let maps = try SourceImage.open(bytes: boxed(whole, box("jhgm", [1, 2, 3])))
    #expect(try maps.patched(with: []).encoded(as: .png).notes.contains { $0.contains("gain map") })
  }
}

@Suite(.enabled(if: (try? SourceImage.open(bytes: jpeg2000)) != nil, "libvips has no JPEG 2000"))
struct JPEG2000Tests {
  @Test func isRead() throws {
    let source = try SourceImage.open(bytes: jpeg2000)
    #expect(source.format == .jp2 && source.width == 6 && source.height == 4)
    let expected = (0..<24).flatMap { at -> [Int] in [40 * (at % 6), 60 * (at / 6), 10 * (at % 6 + at / 6)] }
    #expect(try source.rgb().pixels == expected.map { Float($0) / 255 })
    // The stream without its boxes.
    let bare = try SourceImage.open(bytes: Array(jpeg2000[85...]))
    let pixels = try source.rgb().pixels
    #expect(bare.format == .jp2)
    #expect(try bare.rgb().pixels == pixels)
    #expect(throws: ImagingError.self) { try source.patched(with: []).encoded(as: .jp2) }
  }

  @Test func twelveBitsFillTheWholeRange() throws {
    let source = try SourceImage.open(bytes: jpeg2000Of12Bits)
    #expect(source.bitDepth == 16)
    let pixels = try source.rgb()
    for y in 0..<4 {
      for x in 0..<6 { #expect(abs(pixels[x, y, 1] - Float(700 * x + 180 * y) / 4095) < 0.0005) }
    }
  }

  @Test func metadataAreKept() throws {
    let identifier = bytes(hex: "be7acfcb97a942e89c71999491e3afac")
    let block = Array("JpgTiffExif->JP2".utf8) + exif().dropFirst(6)
    let source = try SourceImage.open(
      bytes: jpeg2000 + box("uuid", identifier + packet) + box("uuid", block) + box("uuid", [1, 2]))
    let made = try source.patched(with: []).encoded(as: .png)
    #expect(contains("<dc:format>kept", made.bytes) && contains("RTool Test Camera", made.bytes))
    #expect(made.notes.count == 1 && made.notes[0].contains("a box of an unknown kind"))
  }

  @Test func damagedFilesAreErrors() {
    for length in 0..<jpeg2000.count - 2 {
      let error = #expect(throws: ImagingError.self) {
        try SourceImage.open(bytes: Array(jpeg2000[..<length]))
      }
      #expect(isOneLine(error))
    }
    for place in jpeg2000.indices {
      var file = jpeg2000
      file[place] ^= 0x5A
      do throws(ImagingError) {
        _ = try SourceImage.open(.bytes(file, name: "test"), limits: Limits(maxPixels: 1 << 20))
      } catch {
        #expect(isOneLine(error))
      }
    }
  }
}
