import CVips
import Imaging
import Testing

private let iptc: [UInt8] = [0x1C, 2, 25, 0, 4] + "lake".utf8 + [0x1C, 2, 25, 0, 6] + "summer".utf8
private let tiff = TIFFBytes()

/// The same picture, written again.
private func rewritten(_ bytes: [UInt8], as format: Format = .tiff) throws -> EncodedImage {
  try SourceImage.open(bytes: bytes).patched(with: []).encoded(as: format)
}

@Suite struct TIFFMetadataTests {
  private static func tagged(_ tiff: TIFFBytes, bits: Int = 8) -> [UInt8] {
    let padded = iptc + [UInt8](repeating: 0, count: (4 - iptc.count % 4) % 4)
    return tiff.file(
      8, 6, bits: bits,
      fields: [
        .text(271, "Maker"), .text(272, "Model"), .text(306, "2001:02:03 04:05:06"), .text(315, "Artist"),
        .text(33432, "Copyright"), TestField(tag: 33723, type: 4, value: padded),
        TestField(tag: 65000, type: 7, value: [1, 2, 3, 4, 5]),
      ],
      pointers: [
        (34665, [.text(36867, "2001:01:01 01:01:01"), tiff.shorts(34855, [200])]),
        (
          34853,
          [
            .text(1, "N"),
            TestField(tag: 2, type: 5, value: [48, 1, 6, 1, 0, 1].flatMap { tiff.number($0, 4) }),
          ]
        ),
      ])
  }

  @Test(
    arguments: [
      TIFFBytes(), TIFFBytes(isBigEndian: true), TIFFBytes(isBigTIFF: true),
      TIFFBytes(isBigEndian: true, isBigTIFF: true),
    ], [8, 16])
  func allThatDescribesThePictureIsKept(_ tiff: TIFFBytes, _ bits: Int) throws {
    let before = Self.tagged(tiff, bits: bits)
    let file = try rewritten(before)
    #expect(file.notes.isEmpty)
    let after = file.bytes
    #expect(try RawImage(decoding: after, CVIPS_TIFF) == RawImage(decoding: before, CVIPS_TIFF))
    let fields = try #require(TIFFBytes.fields(after))
    for (tag, text) in [
      (271, "Maker"), (272, "Model"), (306, "2001:02:03 04:05:06"), (315, "Artist"), (33432, "Copyright"),
    ] {
      #expect(fields[tag]?.value == Array(text.utf8) + [0])
    }
    #expect(fields[33723]?.value.starts(with: iptc) == true)
    #expect(fields[65000]?.value == [1, 2, 3, 4, 5])
    for tag in [282, 283, 296, 338, 270] { #expect(fields[tag] == nil) }
    let isBig = after[0] == UInt8(ascii: "M")
    let exif = try #require(
      fields[34665].flatMap { TIFFBytes.fields(after, at: $0.number(bigEndian: isBig)) })
    #expect(exif[36867]?.value.starts(with: "2001:01:01 01:01:01".utf8) == true)
    #expect(exif[34855]?.number(bigEndian: isBig) == 200)
    let gps = try #require(fields[34853].flatMap { TIFFBytes.fields(after, at: $0.number(bigEndian: isBig)) })
    #expect(gps[2]?.value == [48, 1, 6, 1, 0, 1].flatMap { TIFFBytes(isBigEndian: isBig).number($0, 4) })
  }

  @Test(arguments: [(Format.jpeg, CVIPS_JPEG), (.png, CVIPS_PNG), (.webp, CVIPS_WEBP)])
  func theFieldsBecomeEXIF(_ format: Format, _ native: cvips_format) throws {
    let bytes = try rewritten(Self.tagged(TIFFBytes(isBigEndian: true)), as: format).bytes
    for (name, text) in [
      ("ifd0-Make", "Maker"), ("ifd0-Artist", "Artist"), ("ifd2-DateTimeOriginal", "2001:01:01 01:01:01"),
      ("ifd3-GPSLatitudeRef", "N"),
    ] {
      #expect(try field("exif-" + name, bytes, native).hasPrefix(text))
    }
    // And back.
    let again = try #require(TIFFBytes.fields(rewritten(bytes).bytes))
    #expect(again[33432]?.value == Array("Copyright".utf8) + [0])
    #expect(again[34853] != nil && again[34665] != nil)
  }

  @Test func samplesBesideColourStayWhatTheyAre() throws {
    let before = tiff.file(8, 6, samples: 4, extra: [0])
    let source = try SourceImage.open(bytes: before)
    #expect(!source.hasAlpha)
    #expect(try source.alpha() == nil)
    let after = try source.patched(with: []).encoded(as: .tiff).bytes
    #expect(try RawImage(decoding: after, CVIPS_TIFF).values == RawImage(decoding: before, CVIPS_TIFF).values)
    #expect(TIFFBytes.fields(after)?[338]?.value == [0, 0])
    // A format without them says so.
    let png = try source.patched(with: []).encoded(as: .png)
    #expect(png.notes.count == 1 && png.notes[0].contains("samples beside colour"))
    #expect(try RawImage(decoding: png.bytes, CVIPS_PNG).bands == 3)
    // They grow with the picture.
    let large = try source.resized(width: 16, height: 12).patched(with: []).encoded(as: .tiff).bytes
    #expect(try RawImage(decoding: large, CVIPS_TIFF).bands == 4)
    #expect(TIFFBytes.fields(large)?[338]?.value == [0, 0])
  }

  @Test func alphaIsFoundAmongTheSamples() throws {
    let source = try SourceImage.open(bytes: tiff.file(8, 6, samples: 6, extra: [0, 2, 0]))
    #expect(source.hasAlpha)
    let after = try source.patched(with: []).encoded(as: .tiff).bytes
    #expect(TIFFBytes.fields(after)?[338]?.value == [2, 0, 0, 0, 0, 0])
    let plain = try SourceImage.open(bytes: tiff.file(8, 6, samples: 4, extra: [2]))
    #expect(plain.hasAlpha)
  }

  @Test func descriptionsOfLostPagesGo() throws {
    func description(_ text: String, pages: Int, scale: Int = 1) throws -> String? {
      let source = try SourceImage.open(bytes: tiff.file(8, 6, pages: pages, fields: [.text(270, text)]))
      let sized = try source.resized(width: 8 * scale, height: 6 * scale)
      let bytes = try sized.patched(with: []).encoded(as: .tiff).bytes
      return TIFFBytes.fields(bytes)?[270].map { String(decoding: $0.value.dropLast(), as: UTF8.self) }
    }
    let imageJ = "ImageJ=1.11a\nimages=2\nchannels=2\nhyperstack=true\nunit=um\nmin=1.0\n"
    #expect(try description(imageJ, pages: 2) == "ImageJ=1.11a\nunit=um\nmin=1.0\n")
    #expect(try description(imageJ, pages: 1) == imageJ)
    #expect(
      try description("ImageJ=1.11a\nunit=um\nmin=1.0\n", pages: 1, scale: 2) == "ImageJ=1.11a\nmin=1.0\n")
    let ome = "<?xml version=\"1.0\"?><OME xmlns=\"x\"></OME>"
    #expect(try description(ome, pages: 2) == nil)
    #expect(try description(ome, pages: 1) == ome)
    #expect(try description("{\"shape\": [2, 6, 8, 3]}", pages: 2) == nil)
    #expect(try description("A lake", pages: 2) == "A lake")
  }

  @Test(arguments: [false, true]) func placesOnEarthGrowWithThePicture(_ isBigEndian: Bool) throws {
    let tiff = TIFFBytes(isBigEndian: isBigEndian)
    func scaled(pixelIsPoint: Bool) throws -> [Int: TestField] {
      let bytes = tiff.file(
        8, 6,
        fields: [
          tiff.doubles(33550, [10, 20, 0]), tiff.doubles(33922, [1, 2, 0, 400, 500, 0]),
          tiff.doubles(34264, [10, 1, 0, 100, 2, -10, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1]),
          tiff.shorts(34735, [1, 1, 0, 1, 1025, 0, 1, pixelIsPoint ? 2 : 1]), .text(42113, "-9999"),
        ])
      let source = try SourceImage.open(bytes: bytes).resized(width: 16, height: 12)
      return try #require(TIFFBytes.fields(source.patched(with: []).encoded(as: .tiff).bytes))
    }
    let area = try scaled(pixelIsPoint: false)
    #expect(area[33550]?.doubles(bigEndian: isBigEndian) == [5, 10, 0])
    #expect(area[33922]?.doubles(bigEndian: isBigEndian) == [2, 4, 0, 400, 500, 0])
    #expect(area[34264]?.doubles(bigEndian: isBigEndian).prefix(8) == [5, 0.5, 0, 100, 1, -5, 0, 200])
    #expect(area[42113]?.value == Array("-9999\0".utf8))
    let point = try scaled(pixelIsPoint: true)
    #expect(point[33922]?.doubles(bigEndian: isBigEndian) == [2.5, 4.5, 0, 400, 500, 0])
    #expect(point[34264]?.doubles(bigEndian: isBigEndian).prefix(8) == [5, 0.5, 0, 97.25, 1, -5, 0, 202])
  }

  @Test func layersAreNamedAsLost() throws {
    let layers = TestField(tag: 37724, type: 7, value: [UInt8](repeating: 7, count: 40))
    let file = try rewritten(tiff.file(8, 6, fields: [layers]))
    #expect(file.notes.count == 1 && file.notes[0].contains("layers"))
    #expect(TIFFBytes.fields(file.bytes)?[37724] == nil)
  }
}

private func field(_ name: String, _ bytes: [UInt8], _ format: cvips_format) throws -> String {
  try text(name, in: bytes, format) ?? ""
}
