import CVips
import Imaging
import Testing

@Suite struct OrientationTests {
  @Test(arguments: 1...8) func isAppliedOnceAndReset(_ orientation: Int) throws {
    // Blocks of 16 pixels survive JPEG well.
    let stored = blocks(64, 32)
    let file = inserting(
      exif(orientation: orientation), marker: 0xE1, intoJPEG: try stored.encoded(as: CVIPS_JPEG))
    let source = try SourceImage.open(bytes: file)
    let swapped = orientation > 4
    #expect(source.width == (swapped ? 32 : 64))
    #expect(source.height == (swapped ? 64 : 32))

    let upright = try source.rgb()
    for y in 0..<source.height {
      for x in 0..<source.width {
        let (sx, sy) = origin(of: x, y, orientation, 64, 32)
        let expected = stored[sx, sy].map { Float($0) / 255 }
        let found = (0..<3).map { upright[x, y, $0] }
        #expect(zip(expected, found).allSatisfy { abs($0 - $1) < 0.05 })
      }
    }

    let written = try source.patched(with: []).encoded(as: .webp).bytes
    #expect(try SourceImage.open(bytes: written).width == source.width)
    #expect(try text("exif-ifd0-Orientation", in: written, CVIPS_WEBP)?.hasPrefix("1") != false)
    #expect(try text("exif-ifd0-Model", in: written, CVIPS_WEBP)?.contains("RTool Test Camera") == true)
  }

  @Test(arguments: [(CVIPS_PNG, Format.png), (CVIPS_WEBP, .webp), (CVIPS_TIFF, .tiff)])
  func isAppliedInOtherFormats(_ native: cvips_format, _ format: Format) throws {
    let stored = RawImage(sample: 24, 10, bands: 3)
    let file = try stored.encoded(as: native, fields: ["exif-data": exif(orientation: 6)])
    let source = try SourceImage.open(bytes: file)
    #expect(source.width == 10 && source.height == 24)
    let rgb = try source.rgb()
    #expect((0..<3).map { rgb[2, 5, $0] } == stored[5, 7].map { Float($0) / 255 })
    let written = try source.patched(with: []).encoded(as: format, options: WriteOptions(lossless: true))
      .bytes
    #expect(try SourceImage.open(bytes: written).rgb() == rgb)
  }

  @Test func xmpOrientationIsResetToo() throws {
    let packet = Array(
      #"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"#
        .utf8)
    let file = try blocks(32, 16).encoded(as: CVIPS_PNG, fields: ["xmp-data": packet])
    let written = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .png).bytes
    let back = try #require(try blob("xmp-data", in: written, CVIPS_PNG))
    #expect(String(decoding: back, as: UTF8.self).contains(#"tiff:Orientation="1""#))
  }
}

private func blocks(_ width: Int, _ height: Int) -> RawImage {
  var values: [UInt16] = []
  for y in 0..<height {
    for x in 0..<width {
      let block = x / 16 + 4 * (y / 16)
      values += [UInt16(30 * block), UInt16(20 + 25 * block), UInt16(220 - 20 * block)]
    }
  }
  return RawImage(width: width, height: height, bands: 3, values: values)
}

/// Where in the stored image the pixel of the upright one is (EXIF 2.3, tag 0x0112).
private func origin(of x: Int, _ y: Int, _ orientation: Int, _ width: Int, _ height: Int) -> (Int, Int) {
  switch orientation {
  case 2: (width - 1 - x, y)
  case 3: (width - 1 - x, height - 1 - y)
  case 4: (x, height - 1 - y)
  case 5: (y, x)
  case 6: (y, height - 1 - x)
  case 7: (width - 1 - y, height - 1 - x)
  case 8: (width - 1 - y, x)
  default: (x, y)
  }
}
