import CVips
import Imaging
import Testing

private let packet = Array(
  """
  <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
  <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Ünter &amp; Über</dc:title>\
  </rdf:Description></rdf:RDF></x:xmpmeta>
  <?xpacket end="w"?>
  """.utf8)
private let photoshop = Array("Photoshop 3.0\u{0}8BIM\u{4}\u{4}\u{0}\u{0}".utf8) + [0, 0, 0, 8] + iptcRecord
private let iptcRecord: [UInt8] = [0x1C, 2, 5, 0, 3, 65, 66, 67]

@Suite struct MetadataTests {
  private func sample() throws -> SourceImage {
    let raw = RawImage(sample: 32, 32, bands: 3)
    var file = try raw.encoded(
      as: CVIPS_JPEG, fields: ["xmp-data": packet, "icc-profile-data": profile("p3")])
    file = inserting(photoshop, marker: 0xED, intoJPEG: file)
    // The EXIF block that the encoder made itself comes after and would win.
    let bare = Array(file[..<2]) + withoutSegments(0xE1, startingWith: "Exif", in: Array(file[2...]))
    return try SourceImage.open(bytes: inserting(exif(), marker: 0xE1, intoJPEG: bare))
  }

  @Test(arguments: [(Format.jpeg, CVIPS_JPEG), (.png, CVIPS_PNG), (.webp, CVIPS_WEBP), (.tiff, CVIPS_TIFF)])
  func isCarried(_ format: Format, _ native: cvips_format) throws {
    let file = try sample().patched(with: []).encoded(as: format)
    let bytes = file.bytes
    #expect(try blob("icc-profile-data", in: bytes, native) == profile("p3"))
    let xmp = try #require(try blob("xmp-data", in: bytes, native))
    #expect(String(decoding: xmp, as: UTF8.self).contains("<dc:title>Ünter &amp; Über</dc:title>"))
    #expect(contains("RTool Test Camera", bytes))
    if format != .tiff {
      #expect(try text("exif-ifd0-Model", in: bytes, native)?.contains("RTool Test Camera") == true)
    }
    if format == .jpeg { #expect(try blob("iptc-data", in: bytes, native) == photoshop) }
    if format == .tiff {
      #expect(contains(iptcRecord, bytes))
      let asJPEG = try SourceImage.open(bytes: bytes).patched(with: []).encoded(as: .jpeg).bytes
      #expect(try blob("iptc-data", in: asJPEG, CVIPS_JPEG) == photoshop)
    }
  }

  @Test(arguments: [(Format.avif, CVIPS_AVIF), (.heic, CVIPS_HEIC)])
  func isCarriedInHEIF(_ format: Format, _ native: cvips_format) throws {
    guard Imaging.canWrite(format) else { return }
    let bytes = try sample().patched(with: []).encoded(as: format).bytes
    let back = try SourceImage.open(bytes: bytes)
    #expect(back.profile == (try profile("p3")))
    let again = try back.patched(with: []).encoded(as: .png).bytes
    #expect(try text("exif-ifd0-Model", in: again, CVIPS_PNG)?.contains("RTool Test Camera") == true)
    let xmp = try #require(try blob("xmp-data", in: again, CVIPS_PNG))
    #expect(String(decoding: xmp, as: UTF8.self).contains("Ünter"))
  }

  @Test(arguments: [(Format.jpeg, CVIPS_JPEG), (.png, CVIPS_PNG), (.webp, CVIPS_WEBP), (.tiff, CVIPS_TIFF)])
  func strippedAllIsGoneButTheProfile(_ format: Format, _ native: cvips_format) throws {
    let bytes = try sample().patched(with: []).encoded(as: format, options: WriteOptions(stripMetadata: true))
      .bytes
    #expect(try blob("icc-profile-data", in: bytes, native) == profile("p3"))
    #expect(try blob("xmp-data", in: bytes, native) == nil)
    #expect(try blob("iptc-data", in: bytes, native) == nil)
    #expect(try text("exif-ifd0-Model", in: bytes, native) == nil)
    #expect(!contains("RTool Test Camera", bytes))
  }

  @Test func strippedKeepsProvenance() throws {
    let options = WriteOptions(stripMetadata: true)
    let bytes = try sample().patched(with: []).encoded(as: .jpeg, options: options, provenance: "made so")
      .bytes
    #expect(!contains("dc:title", bytes))
    #expect(try SourceImage.open(bytes: bytes).provenance == "made so")
  }

  @Test func exifThumbnailIsDropped() throws {
    let raw = RawImage(sample: 32, 32, bands: 3)
    let thumbnail = try RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_JPEG)
    var file = try raw.encoded(as: CVIPS_JPEG)
    file = Array(file[..<2]) + withoutSegments(0xE1, startingWith: "Exif", in: Array(file[2...]))
    file = inserting(exif(thumbnail: thumbnail), marker: 0xE1, intoJPEG: file)
    #expect(try blob("jpeg-thumbnail-data", in: file, CVIPS_JPEG) == thumbnail)
    let written = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .jpeg).bytes
    let left = try blob("jpeg-thumbnail-data", in: written, CVIPS_JPEG) ?? []
    #expect(left.isEmpty)
    let block = try #require(try blob("exif-data", in: written, CVIPS_JPEG))
    #expect(!contains([0xFF, 0xD8, 0xFF], block))
  }

  @Test func photoshopThumbnailIsDropped() throws {
    let thumbnail: [UInt8] = [0x38, 0x42, 0x49, 0x4D, 0x04, 0x0C, 0, 0, 0, 0, 0, 3, 1, 2, 3, 0]
    let other: [UInt8] = [0x38, 0x42, 0x49, 0x4D, 0x04, 0x0A, 0, 0, 0, 0, 0, 1, 9, 0]
    let head = Array("Photoshop 3.0\0".utf8)
    let file = inserting(
      head + thumbnail + other, marker: 0xED,
      intoJPEG: try RawImage(sample: 16, 16, bands: 3).encoded(as: CVIPS_JPEG))
    let written = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .jpeg).bytes
    #expect(try blob("iptc-data", in: written, CVIPS_JPEG) == head + other)
  }

  @Test func xmpThumbnailsAreDropped() throws {
    let text =
      "<x:xmpmeta><rdf:RDF><a/><xmp:Thumbnails><rdf:Alt>secret</rdf:Alt></xmp:Thumbnails></rdf:RDF></x:xmpmeta>"
    let file = try RawImage(sample: 16, 16, bands: 3).encoded(
      as: CVIPS_PNG, fields: ["xmp-data": Array(text.utf8)])
    let written = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .png).bytes
    let packet = try #require(try blob("xmp-data", in: written, CVIPS_PNG))
    #expect(!contains("secret", packet))
    #expect(contains("<a/>", packet))
    #expect(contains("iTXtXML:com.adobe.xmp", written))
  }
}

/// The EXIF block with a thumbnail in its second directory.
private func exif(thumbnail: [UInt8]) -> [UInt8] {
  func long(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  var block: [UInt8] = Array("Exif\0\0II*\0".utf8) + long(8)
  block += [1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0] + long(26)
  block += [2, 0, 0x01, 0x02, 4, 0, 1, 0, 0, 0] + long(56)
  block += [0x02, 0x02, 4, 0, 1, 0, 0, 0] + long(thumbnail.count) + long(0)
  return block + thumbnail
}

/// JPEG segments with some taken out.
private func withoutSegments(_ marker: UInt8, startingWith text: String, in bytes: [UInt8]) -> [UInt8] {
  var out: [UInt8] = []
  var at = 0
  while at + 4 <= bytes.count, bytes[at] == 0xFF, bytes[at + 1] != 0xDA {
    let end = at + 2 + Int(bytes[at + 2]) * 256 + Int(bytes[at + 3])
    if bytes[at + 1] != marker || !bytes[(at + 4)...].starts(with: text.utf8) { out += bytes[at..<end] }
    at = end
  }
  return out + bytes[at...]
}

func contains(_ text: String, _ bytes: [UInt8]) -> Bool { contains(Array(text.utf8), bytes) }

func contains(_ wanted: [UInt8], _ bytes: [UInt8]) -> Bool {
  bytes.indices.contains { bytes[$0...].starts(with: wanted) }
}
