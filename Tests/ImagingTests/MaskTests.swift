import CVips
import Imaging
import Testing

@Suite struct MaskTests {
  @Test func greyIsTheMask() throws {
    let raw = RawImage(width: 4, height: 1, bands: 1, values: [0, 1, 128, 255])
    let mask = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask()
    #expect(mask.channels == 1)
    #expect(mask.pixels == [0, 1.0 / 255, 128.0 / 255, 1])
  }

  @Test func sixteenBitsAreKept() throws {
    let raw = RawImage(width: 3, height: 1, bands: 1, values: [1, 32767, 65535], isWide: true)
    let mask = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask()
    #expect(mask.pixels == [1.0 / 65535, 32767.0 / 65535, 1])
  }

  @Test func coloursCountByLuma() throws {
    let raw = RawImage(width: 4, height: 1, bands: 3, values: [255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77])
    let mask = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask()
    for (found, expected) in zip(mask.pixels, [0.2126, 0.7152, 0.0722, 77.0 / 255] as [Float]) {
      #expect(abs(found - expected) < 1e-6)
    }
    #expect(mask.pixels[3] == 77.0 / 255)
  }

  @Test func paintOnATransparentLayer() throws {
    // Red strokes over transparent black: alpha is the mask, whatever the colour under alpha 0.
    let raw = RawImage(
      width: 3, height: 1, bands: 4, values: [0, 0, 0, 0, 255, 0, 0, 128, 255, 0, 0, 255])
    let mask = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask()
    #expect(mask.pixels == [0, 128.0 / 255, 1])
  }

  @Test func opaqueAlphaIsNoMask() throws {
    let raw = RawImage(width: 2, height: 1, bands: 2, values: [10, 255, 10, 255])
    #expect(
      try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask().pixels == [10.0 / 255, 10.0 / 255])
  }

  @Test func severalColoursAreWeighedWithAlpha() throws {
    let raw = RawImage(width: 3, height: 1, bands: 2, values: [255, 255, 0, 255, 255, 51])
    #expect(try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG)).mask().pixels == [1, 0, 0.2])
  }

  @Test func paletteIsDecoded() throws {
    // A GIF has a palette; black and white are in it exactly.
    let values = (0..<64).flatMap { i -> [UInt16] in i % 3 == 0 ? [255, 255, 255] : [0, 0, 0] }
    let raw = RawImage(width: 8, height: 8, bands: 3, values: values)
    let mask = try SourceImage.open(bytes: raw.encoded(as: CVIPS_GIF)).mask()
    #expect(mask.pixels == (0..<64).map { $0 % 3 == 0 ? 1 : 0 })
  }

  @Test func palettePNGIsDecoded() throws {
    let source = try SourceImage.open(bytes: palettePNG)
    #expect(source.colourChannels == 3)
    #expect(source.bitDepth == 8)
    #expect(try source.mask().pixels == [0, 1, 1, 0])
    // Written back, it is no palette picture that would be quantised again.
    let written = try source.patched(with: []).encoded(as: .png).bytes
    #expect(try SourceImage.open(bytes: written).rgb() == source.rgb())
  }
}

/// 2 x 2 pixels, 1 bit, palette black and white: 0 1 / 1 0, made by Python's zlib.
private let palettePNG: [UInt8] =
  [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  + pngChunk("IHDR", [0, 0, 0, 2, 0, 0, 0, 2, 1, 3, 0, 0, 0])
  + pngChunk("PLTE", [0, 0, 0, 255, 255, 255])
  // zlib with one stored block: filter 0 and the bits of each row.
  + pngChunk(
    "IDAT", [0x78, 0x01, 0x01, 0x04, 0x00, 0xFB, 0xFF, 0x00, 0x40, 0x00, 0x80] + [0x01, 0x42, 0x00, 0xC1])
  + pngChunk("IEND", [])
