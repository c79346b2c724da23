import CVips
import Imaging
import Testing

@Suite struct PatchTests {
  @Test(arguments: [3, 4], [false, true])
  func ownColoursKeepTheirBits(_ bands: Int, _ isWide: Bool) throws {
    let raw = RawImage(sample: 33, 21, bands: bands, isWide: isWide)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: source.rgb())])
    #expect(try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG) == raw)
  }

  @Test(arguments: ["p3", "cmyk"]) func ownColoursKeepTheirBitsThroughAProfile(_ name: String) throws {
    let isCMYK = name == "cmyk"
    let raw = RawImage(sample: 33, 21, bands: isCMYK ? 4 : 3, isCMYK: isCMYK)
    let file = try raw.encoded(as: CVIPS_TIFF, fields: ["icc-profile-data": profile(name)])
    let source = try SourceImage.open(bytes: file)
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: source.rgb())])
    #expect(try RawImage(decoding: result.encoded(as: .tiff).bytes, CVIPS_TIFF) == raw)
  }

  @Test(arguments: [false, true]) func colourDifferencesBelowAStepAreNone(_ isWide: Bool) throws {
    let raw = RawImage(sample: 16, 16, bands: 3, isWide: isWide)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    var patch = try source.rgb()
    let step: Float = isWide ? 1.0 / 65535 : 1.0 / 255
    for i in patch.pixels.indices { patch.pixels[i] += (i % 2 == 0 ? 0.4 : -0.4) * step }
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: patch)])
    #expect(try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG) == raw)
  }

  @Test func newColoursAreStoredInFullDepth() throws {
    let raw = RawImage(sample: 16, 16, bands: 3, isWide: true)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let patch = FloatImage(width: 2, height: 2, channels: 3, filledWith: 12345.0 / 65535)
    let result = try source.patched(with: [Patch(x: 5, y: 6, image: patch)])
    let back = try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG)
    for y in 0..<16 {
      for x in 0..<16 {
        let inside = (5..<7).contains(x) && (6..<8).contains(y)
        #expect(back[x, y] == (inside ? [12345, 12345, 12345] : raw[x, y]))
      }
    }
  }

  @Test func everyEightBitValueIsStoredAsItself() throws {
    let raw = RawImage(width: 256, height: 1, bands: 3, values: [UInt16](repeating: 7, count: 768))
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let wanted = (0..<768).map { UInt16($0 / 3) }
    let patch = FloatImage(width: 256, height: 1, channels: 3, pixels: wanted.map { Float($0) / 255 })
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: patch)])
    #expect(try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG).values == wanted)
  }

  @Test func valuesOutsideTheRangeSaturate() throws {
    let source = try SourceImage.open(bytes: RawImage(sample: 4, 1, bands: 3).encoded(as: CVIPS_PNG))
    let values: [Float] = [
      -1, 2, .nan, .infinity, -.infinity, 0, -0.0, 1, 1.0000001, .leastNonzeroMagnitude, 0.5, 1e30,
    ]
    let patch = FloatImage(width: 4, height: 1, channels: 3, pixels: values)
    let result = try source.patched(with: [Patch(x: 0, y: 0, image: patch)])
    let back = try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG)
    #expect(back.values == [0, 255, 0, 255, 0, 0, 0, 255, 255, 0, 128, 255])
  }

  @Test(arguments: [
    (-5, -5), (13, 13), (-100, 0), (0, 100), (Int.max, Int.max), (Int.min, Int.min), (Int.max - 3, 2),
  ])
  func patchesAreCutToTheImage(_ x: Int, _ y: Int) throws {
    let raw = RawImage(sample: 16, 16, bands: 3)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let patch = FloatImage(width: 8, height: 8, channels: 3, filledWith: 1)
    let result = try source.patched(with: [Patch(x: x, y: y, image: patch)])
    let back = try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG)
    for row in 0..<16 {
      for column in 0..<16 {
        let inside = column >= x && row >= y && column &- x < 8 && row &- y < 8 && x > -100 && y > -100
        #expect(back[column, row] == (inside ? [255, 255, 255] : raw[column, row]))
      }
    }
  }

  @Test func laterPatchesCount() throws {
    let raw = RawImage(sample: 16, 16, bands: 3)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let white = FloatImage(width: 16, height: 16, channels: 3, filledWith: 1)
    let result = try source.patched(with: [
      Patch(x: 0, y: 0, image: white), Patch(x: 0, y: 0, image: source.rgb()),
    ])
    #expect(try RawImage(decoding: result.encoded(as: .png).bytes, CVIPS_PNG) == raw)
  }

  @Test func alphaStaysOrIsReplaced() throws {
    let raw = RawImage(sample: 8, 8, bands: 4)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let opaqueColours = FloatImage(width: 8, height: 8, channels: 3, filledWith: 0.2)
    let kept = try RawImage(
      decoding: source.patched(with: [Patch(x: 0, y: 0, image: opaqueColours)]).encoded(as: .png).bytes,
      CVIPS_PNG)
    #expect((0..<8).allSatisfy { kept[$0, 3] == [51, 51, 51, raw[$0, 3][3]] })

    let translucent = FloatImage(width: 8, height: 8, channels: 4, filledWith: 0.2)
    let replaced = try RawImage(
      decoding: source.patched(with: [Patch(x: 0, y: 0, image: translucent)]).encoded(as: .png).bytes,
      CVIPS_PNG)
    #expect((0..<8).allSatisfy { replaced[$0, 3] == [51, 51, 51, 51] })
  }

  @Test func aTranslucentPatchGivesAlphaToAnOpaqueImage() throws {
    let raw = RawImage(sample: 8, 8, bands: 3)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let patch = FloatImage(width: 2, height: 2, channels: 4, filledWith: 0.4)
    let back = try RawImage(
      decoding: source.patched(with: [Patch(x: 1, y: 1, image: patch)]).encoded(as: .png).bytes, CVIPS_PNG)
    #expect(back.bands == 4)
    #expect(back[1, 1] == [102, 102, 102, 102])
    #expect(back[5, 5] == raw[5, 5] + [255])

    let opaque = FloatImage(width: 2, height: 2, channels: 4, filledWith: 1)
    let still = try source.patched(with: [Patch(x: 1, y: 1, image: opaque)])
    #expect(!still.hasAlpha)
  }

  @Test func theSourceIsNotChanged() throws {
    let source = try SourceImage.open(bytes: RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_PNG))
    let before = try source.rgb()
    _ = try source.patched(with: [Patch(x: 0, y: 0, image: FloatImage(width: 8, height: 8, channels: 3))])
    #expect(try source.rgb() == before)
  }
}
