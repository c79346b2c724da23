import CVips
import Glibc
import Imaging
import Testing

@Suite struct ColourTests {
  @Test func plainPixelsAreScaledExactly() throws {
    let raw = RawImage(sample: 40, 30, bands: 3)
    let rgb = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).rgb()
    #expect(rgb.pixels == raw.values.map { Float($0) / 255 })
    let wide = RawImage(sample: 40, 30, bands: 3, isWide: true)
    let wideRGB = try SourceImage.open(bytes: wide.encoded(as: CVIPS_PNG)).rgb()
    #expect(wideRGB.pixels == wide.values.map { Float($0) / 65535 })
  }

  @Test func sRGBProfileChangesNothing() throws {
    let raw = RawImage(sample: 20, 10, bands: 3)
    let file = try raw.encoded(as: CVIPS_PNG, fields: ["icc-profile-data": profile("srgb")])
    let source = try SourceImage.open(bytes: file)
    #expect(source.profile == (try profile("srgb")))
    #expect(try source.rgb().pixels == raw.values.map { Float($0) / 255 })
  }

  @Test func displayP3IsConverted() throws {
    // Display P3 (0.4, 0.6, 0.5) and a grey, whose sRGB values follow from the primaries of both spaces.
    let raw = RawImage(width: 2, height: 1, bands: 3, values: [102, 153, 128, 128, 128, 128])
    let file = try raw.encoded(as: CVIPS_PNG, fields: ["icc-profile-data": profile("p3")])
    let rgb = try SourceImage.open(bytes: file).rgb()
    for (found, expected) in zip(
      rgb.pixels, [Float](displayP3: [0.4, 0.6, 128.0 / 255]) + [0.502, 0.502, 0.502])
    {
      #expect(abs(found - expected) < 0.006)
    }
  }

  @Test(arguments: [false, true]) func patchInDisplayP3RoundTrips(_ isWide: Bool) throws {
    let raw = RawImage(sample: 48, 32, bands: 3, isWide: isWide)
    let icc = try profile("p3")
    let source = try SourceImage.open(
      bytes: raw.encoded(as: CVIPS_PNG, fields: ["icc-profile-data": icc]))
    var patch = try source.rgb().cropped(x: 8, y: 8, width: 16, height: 16)
    for x in 0..<16 {
      for c in 0..<3 { patch[x, 4, c] = [0.3, 0.5, 0.4][c] }
    }
    let result = try source.patched(with: [Patch(x: 8, y: 8, image: patch)])
    let written = try result.encoded(as: .png).bytes
    #expect(try blob("icc-profile-data", in: written, CVIPS_PNG) == icc)

    let back = try RawImage(decoding: written, CVIPS_PNG)
    for y in 0..<32 {
      for x in 0..<48 where !(y == 12 && (8..<24).contains(x)) { #expect(back[x, y] == raw[x, y]) }
    }
    let rgb = try SourceImage.open(bytes: written).rgb()
    for x in 8..<24 {
      for c in 0..<3 { #expect(abs(rgb[x, 12, c] - [0.3, 0.5, 0.4][c]) < (isWide ? 0.001 : 0.005)) }
    }
  }

  @Test(arguments: [1, 2]) func greyStaysGrey(_ bands: Int) throws {
    let raw = RawImage(sample: 24, 16, bands: bands)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    #expect(source.colourChannels == 1)
    #expect(source.hasAlpha == (bands == 2))
    let rgb = try source.rgb()
    #expect((0..<24).allSatisfy { rgb[$0, 3, 0] == rgb[$0, 3, 1] && rgb[$0, 3, 1] == rgb[$0, 3, 2] })

    var patch = rgb
    for c in 0..<3 {
      patch[2, 2, c] = 100.0 / 255
      patch[3, 2, c] = [1, 0, 0][c]
    }
    let written = try source.patched(with: [Patch(x: 0, y: 0, image: patch)]).encoded(as: .png).bytes
    let back = try RawImage(decoding: written, CVIPS_PNG)
    #expect(back.bands == bands)
    #expect(back[2, 2][0] == 100)
    // Red's luminance 0.2126 is 0.4984 gamma-encoded.
    #expect(back[3, 2][0] == 127)
    for y in 0..<16 {
      for x in 0..<24 where !(y == 2 && (x == 2 || x == 3)) { #expect(back[x, y] == raw[x, y]) }
    }
  }

  @Test(arguments: [true, false]) func cmykStaysCMYK(_ hasProfile: Bool) throws {
    let raw = RawImage(sample: 24, 16, bands: 4, isCMYK: true)
    let fields = hasProfile ? ["icc-profile-data": try profile("cmyk")] : [:]
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_TIFF, fields: fields))
    #expect(source.colourChannels == 4)
    #expect(!source.hasAlpha)
    var patch = try source.rgb()
    for c in 0..<3 { patch[5, 5, c] = [0.7, 0.6, 0.5][c] }
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: patch)])
    let written = try result.encoded(as: .tiff).bytes
    let back = try RawImage(decoding: written, CVIPS_TIFF)
    #expect(back.isCMYK)
    for y in 0..<16 {
      for x in 0..<24 where !(x == 5 && y == 5) { #expect(back[x, y] == raw[x, y]) }
    }
    let rgb = try SourceImage.open(bytes: written).rgb()
    for c in 0..<3 { #expect(abs(rgb[5, 5, c] - [0.7, 0.6, 0.5][c]) < 0.02) }

    let asPNG = try result.encoded(as: .png)
    #expect(asPNG.notes.contains { $0.contains("sRGB") })
    let pngRGB = try SourceImage.open(bytes: asPNG.bytes)
    #expect(pngRGB.colourChannels == 3)
    #expect(difference(try pngRGB.rgb(), rgb) < 0.01)
  }

  @Test func cmykJPEGIsRead() throws {
    let paper = RawImage(
      width: 32, height: 32, bands: 4, values: [UInt16](repeating: 0, count: 32 * 32 * 4), isCMYK: true)
    let rgb = try SourceImage.open(bytes: paper.encoded(as: CVIPS_JPEG)).rgb()
    #expect(rgb.pixels.allSatisfy { $0 > 0.95 })
  }

  @Test func brokenProfileIsIgnored() throws {
    let raw = RawImage(sample: 16, 16, bands: 3)
    for broken: [UInt8] in [
      [1, 2, 3], [UInt8](repeating: 65, count: 3000), Array(try profile("p3").prefix(200)),
    ] {
      let file = try raw.encoded(as: CVIPS_TIFF, fields: ["icc-profile-data": broken])
      let source = try SourceImage.open(bytes: file)
      #expect(try source.rgb().pixels == raw.values.map { Float($0) / 255 })
      _ = try source.patched(with: [Patch(x: 0, y: 0, image: picture(16, 16))]).encoded(as: .png)
    }
    let wrongKind = try raw.encoded(as: CVIPS_TIFF, fields: ["icc-profile-data": profile("cmyk")])
    #expect(try SourceImage.open(bytes: wrongKind).rgb().pixels == raw.values.map { Float($0) / 255 })
  }

  @Test func alphaIsApartFromColour() throws {
    let raw = RawImage(sample: 20, 12, bands: 4)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let rgb = try source.rgb()
    let alpha = try #require(try source.alpha())
    for y in 0..<12 {
      for x in 0..<20 {
        let expected = raw[x, y].map { Float($0) / 255 }
        #expect((0..<3).map { rgb[x, y, $0] } == Array(expected[..<3]))
        #expect(alpha[x, y, 0] == expected[3])
      }
    }
    #expect(
      try SourceImage.open(bytes: RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_PNG)).alpha() == nil)
  }
}

extension [Float] {
  /// sRGB values of a Display P3 colour inside sRGB.
  init(displayP3 colour: [Float]) {
    let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    let matrix: [[Float]] = [
      [1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979],
    ]
    self = matrix.map { row in
      let value = zip(row, linear).map(*).reduce(0, +)
      return value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055
    }
  }
}
