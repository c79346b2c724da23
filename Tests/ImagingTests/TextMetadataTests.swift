import CVips
import Imaging
import Testing

private func photo(_ segments: [(UInt8, [UInt8])]) throws -> [UInt8] {
  var file = try RawImage(sample: 16, 16, bands: 3).encoded(as: CVIPS_JPEG)
  for (marker, payload) in segments.reversed() { file = inserting(payload, marker: marker, intoJPEG: file) }
  return file
}

private func photoshop(_ iptc: [UInt8]) -> [UInt8] {
  let size = [UInt8(iptc.count >> 8), UInt8(iptc.count & 255)]
  return Array("Photoshop 3.0\0".utf8) + Array("8BIM\u{4}\u{4}\0\0\0\0".utf8) + size + iptc
    + (iptc.count % 2 == 0 ? [] : [0])
}

private func dataSet(_ record: UInt8, _ number: UInt8, _ data: [UInt8]) -> [UInt8] {
  [0x1C, record, number, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
}

private func rewritten(_ bytes: [UInt8], as format: Format) throws -> EncodedImage {
  try SourceImage.open(bytes: bytes).patched(with: []).encoded(as: format)
}

private func packet(_ inner: String) -> [UInt8] {
  Array(
    ("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
      + inner + "</rdf:RDF></x:xmpmeta>").utf8)
}

@Suite struct TextMetadataTests {
  private let keywords = dataSet(2, 25, Array("lake".utf8)) + dataSet(2, 25, Array("caf\u{E9}".utf8))

  @Test(arguments: [Format.jpeg, .tiff, .png]) func iptcHasABlockOfItsOwn(_ format: Format) throws {
    let bytes = try rewritten(photo([(0xED, photoshop(keywords))]), as: format).bytes
    if format != .png { #expect(contains(keywords, bytes)) }
    // From there into the next format that has one.
    #expect(contains(keywords, try rewritten(bytes, as: .jpeg).bytes))
  }

  @Test(arguments: [Format.webp, .avif, .heic, .gif, .png]) func iptcIsAlsoXMP(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let records =
      keywords + dataSet(2, 80, Array("A & B".utf8)) + dataSet(2, 55, Array("20010203".utf8))
      + dataSet(2, 60, Array("040506+0100".utf8))
    let file = try rewritten(photo([(0xED, photoshop(records))]), as: format)
    #expect(!file.notes.contains { $0.contains("IPTC") })
    for text in [
      "<dc:subject><rdf:Bag><rdf:li>lake</rdf:li><rdf:li>café</rdf:li></rdf:Bag></dc:subject>",
      "<rdf:li>A &amp; B</rdf:li>",
      "<photoshop:DateCreated>2001-02-03T04:05:06+01:00</photoshop:DateCreated>",
    ] {
      #expect(contains(text, file.bytes))
    }
  }

  @Test func latin1IsTurnedIntoUTF8() throws {
    let latin1 = dataSet(2, 25, Array("caf".utf8) + [0xE9])
    #expect(
      contains("<rdf:li>café</rdf:li>", try rewritten(photo([(0xED, photoshop(latin1))]), as: .webp).bytes))
    let utf8 = dataSet(1, 90, [0x1B, 0x25, 0x47]) + dataSet(2, 25, Array("漢".utf8))
    #expect(contains("<rdf:li>漢</rdf:li>", try rewritten(photo([(0xED, photoshop(utf8))]), as: .webp).bytes))
  }

  @Test func xmpWinsOverIPTC() throws {
    let dc = "http://purl.org/dc/elements/1.1/"
    let xmp = packet(
      "<rdf:Description xmlns:d=\"\(dc)\"><d:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></d:subject></rdf:Description>"
    )
    let source = try photo([
      (0xE1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + xmp), (0xED, photoshop(keywords)),
    ])
    let bytes = try rewritten(source, as: .webp).bytes
    #expect(contains("sea", bytes) && !contains("lake", bytes))
  }

  @Test func iptcWithoutCounterpartIsNamed() throws {
    let file = try rewritten(photo([(0xED, photoshop(keywords + dataSet(2, 7, [65])))]), as: .webp)
    #expect(file.notes.count == 1 && file.notes[0].contains("IPTC"))
  }

  @Test func commentsAreCarried() throws {
    let source = try photo([(0xFE, Array("a remark".utf8)), (0xFE, Array("ünd".utf8))])
    let jpeg = try rewritten(source, as: .jpeg)
    #expect(contains([0xFF, 0xFE, 0, 10] + Array("a remark".utf8), jpeg.bytes) && jpeg.notes.isEmpty)
    let png = try rewritten(source, as: .png).bytes
    #expect(contains("tEXtComment\0a remark", png))
    #expect(contains(Array("a remark".utf8), try rewritten(png, as: .jpeg).bytes))
    let gif = try rewritten(source, as: .gif).bytes
    #expect(contains([0x21, 0xFE, 8] + Array("a remark".utf8), gif))
    let webp = try rewritten(source, as: .webp)
    #expect(webp.notes.count == 1 && webp.notes[0].contains("comment"))
  }

  @Test func otherSegmentsStayInJPEG() throws {
    let source = try photo([(0xE6, Array("GoPro\0DEVC".utf8)), (0xEB, Array("JP\0\u{1}c2pa".utf8))])
    let jpeg = try rewritten(source, as: .jpeg)
    #expect(contains("GoPro\0DEVC", jpeg.bytes) && !contains("c2pa", jpeg.bytes))
    #expect(jpeg.notes.count == 1 && jpeg.notes[0].contains("content credentials"))
    #expect(try rewritten(source, as: .png).notes.contains { $0.contains("APP6 (GoPro)") })
  }

  @Test func textsOfPNGKeepTheirLanguage() throws {
    let german = Array("Title".utf8) + [0, 0, 0] + Array("de\0Titel\0Ü".utf8)
    let english = Array("Title\0lake".utf8)
    let parameters = Array("parameters\0steps: 20".utf8)
    var file = try RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_PNG)
    file.insert(
      contentsOf: pngChunk("tEXt", english) + pngChunk("iTXt", german) + pngChunk("tEXt", parameters), at: 33)
    let png = try rewritten(file, as: .png)
    #expect(contains(pngChunk("iTXt", german), png.bytes) && contains(pngChunk("tEXt", english), png.bytes))
    #expect(png.notes.isEmpty)
    let webp = try rewritten(file, as: .webp)
    #expect(
      contains("<rdf:li xml:lang=\"x-default\">lake</rdf:li><rdf:li xml:lang=\"de\">Ü</rdf:li>", webp.bytes))
    #expect(webp.notes.count == 1 && webp.notes[0].contains("parameters"))
  }

  @Test func xmpOfSeveralSegmentsIsOnePacket() throws {
    let long = String(repeating: "x", count: 90000)
    let file = try RawImage(sample: 8, 8, bands: 3).encoded(
      as: CVIPS_PNG, fields: ["xmp-data": packet("<rdf:Description a:b=\"\(long)\"/>")])
    let jpeg = try rewritten(file, as: .jpeg)
    #expect(jpeg.notes.isEmpty && contains("HasExtendedXMP", jpeg.bytes))
    let back = try rewritten(jpeg.bytes, as: .png).bytes
    #expect(contains("a:b=\"\(long)\"", back) && !contains("HasExtendedXMP", back))
  }

  @Test func sizesInXMPAreTrue() throws {
    let xmp = packet(
      "<rdf:Description exif:PixelXDimension=\"4000\"><tiff:ImageLength>3000</tiff:ImageLength>")
    let file = try RawImage(sample: 8, 6, bands: 3).encoded(as: CVIPS_PNG, fields: ["xmp-data": xmp])
    let bytes = try rewritten(file, as: .png).bytes
    #expect(contains("PixelXDimension=\"8\"", bytes) && contains("<tiff:ImageLength>6<", bytes))
  }

  @Test func formatsWithoutMetadataNameThemAtOnce() throws {
    let source = try photo([
      (0xE1, exif()), (0xED, photoshop(keywords)), (0xFE, Array("a remark".utf8)),
    ])
    let notes = try rewritten(source, as: .ppm).notes
    #expect(notes.count == 1)
    for name in ["EXIF", "IPTC", "comment"] { #expect(notes.first?.contains(name) == true) }
  }
}
