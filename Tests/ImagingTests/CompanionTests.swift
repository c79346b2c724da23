import CVips
import Imaging
import Testing

/// An XMP packet as phones write it, with a line of the photographer's own.
private let packet = """
  <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
  <rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" \
  xmlns:Container="http://ns.google.com/photos/1.0/container/" \
  xmlns:Item='http://ns.google.com/photos/1.0/container/item/' \
  xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" \
  hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:BurstID="b7">\
  <hdrgm:GainMapMax><rdf:Seq><rdf:li>2.3</rdf:li></rdf:Seq></hdrgm:GainMapMax>\
  <HDRGainMap:HDRGainMapVersion>65536</HDRGainMap:HDRGainMapVersion>\
  <Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" \
  Item:Mime="image/jpeg"/></rdf:li></rdf:Seq></Container:Directory>\
  <dc:format xmlns:dc="http://purl.org/dc/elements/1.1/">mine</dc:format>\
  </rdf:Description></rdf:RDF></x:xmpmeta>
  """

private let announcements = [
  "hdrgm", "hdr-gain-map", "HDRGainMap", "Container", "Item:", "MotionPhoto", "MPF", "iso:std:iso:ts:21496",
]

@Suite struct CompanionTests {
  private let picture = RawImage(sample: 32, 32, bands: 3)

  /// A JPEG file with another behind it, and all that says so.
  private func file() throws -> [UInt8] {
    let first = try picture.encoded(as: CVIPS_JPEG, fields: ["xmp-data": Array(packet.utf8)])
    let index: [UInt8] = Array("MPF\0MM\0*".utf8) + [0, 0, 0, 8, 0, 0, 0, 0, 0, 0]
    let map = Array("urn:iso:std:iso:ts:21496:-1\0".utf8) + [0, 0, 0, 0]
    return inserting(map, marker: 0xE2, intoJPEG: inserting(index, marker: 0xE2, intoJPEG: first))
      + (try RawImage(sample: 8, 8, bands: 1).encoded(as: CVIPS_JPEG))
  }

  @Test(arguments: [Format.jpeg, .png, .tiff, .webp]) func nothingAnnouncesWhatIsGone(_ format: Format) throws
  {
    let made = try SourceImage.open(bytes: file()).patched(with: []).encoded(as: format)
    let bytes = made.bytes
    for word in announcements { #expect(!contains(word, bytes), "\(word) in \(format)") }
    #expect(contains(">mine</dc:format>", bytes) && contains("BurstID", bytes))
    #expect(made.notes.count == 1)
    for words in ["other pictures of the file (MPF)", "HDR gain map", "film of a motion photo"] {
      #expect(made.notes.first?.contains(words) == true)
    }
    // It is a whole file, and the next result has nothing to warn of.
    #expect(try SourceImage.open(bytes: bytes).patched(with: []).encoded(as: format).notes.isEmpty)
  }

  @Test func picturesThatNothingAnnouncesAreNamedToo() throws {
    let two = try picture.encoded(as: CVIPS_JPEG) + [0, 0] + picture.encoded(as: CVIPS_JPEG)
    let made = try SourceImage.open(bytes: two).patched(with: []).encoded(as: .jpeg)
    #expect(made.notes.count == 1 && made.notes[0].contains("the other pictures of the file"))
  }

  @Test func packetsWithoutEndDoNoHarm() throws {
    let head = "<x:xmpmeta><rdf:RDF><rdf:Description xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\""
    for rest in ["<hdrgm:a>", " hdrgm:a=\"", " hdrgm:", "</hdrgm:a>", "<hdrgm:a/>", " hdrgm:a='b'"] {
      for count in [1, 40, 20_000] {
        let hostile = Array((head + String(repeating: rest, count: count)).utf8)
        let file = try picture.encoded(as: CVIPS_PNG, fields: ["xmp-data": hostile])
        let made = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .png)
        #expect(made.count <= hostile.count + 8000)
      }
    }
  }
}
