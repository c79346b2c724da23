import CVips
import Imaging
import Testing

private let history = #"{"tool":"rtool","note":"a<b & \"c\" 'd' ü € 😀 ]]> ü","list":[1,2]}"#

@Suite struct ProvenanceTests {
  @Test(arguments: [Format.jpeg, .png, .webp, .tiff, .avif, .heic, .gif])
  func isFoundAgain(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let result = try ResultImage.fresh(picture(24, 24))
    let file = try result.encoded(as: format, provenance: history)
    let back = try SourceImage.open(bytes: file.bytes)
    #expect(back.format == format)
    #expect(back.provenance == history)
    // A second one replaces the first.
    let again = try back.patched(with: []).encoded(as: format, provenance: "second").bytes
    #expect(try SourceImage.open(bytes: again).provenance == "second")
    #expect(!contains("rtool&quot;", again) && !contains(#""tool":"rtool""#, again))
    // And none keeps it.
    let kept = try back.patched(with: []).encoded(as: format).bytes
    #expect(try SourceImage.open(bytes: kept).provenance == history)
  }

  @Test func ppmSaysThatItCannot() throws {
    let file = try ResultImage.fresh(picture(8, 8)).encoded(as: .ppm, provenance: history)
    #expect(file.notes.contains { $0.contains("provenance") })
    #expect(try SourceImage.open(bytes: file.bytes).provenance == nil)
  }

  @Test func longOnesFillSeveralSegmentsOfAJPEG() throws {
    let long = String(repeating: "long ", count: 30000)
    var bytes: [UInt8] = try ResultImage.fresh(picture(8, 8)).encoded(as: .jpeg, provenance: long).bytes
    for _ in 0..<2 {
      let source = try SourceImage.open(bytes: bytes)
      #expect(source.provenance == long)
      let again = try source.patched(with: []).encoded(as: .jpeg, provenance: long)
      #expect(again.notes.isEmpty && again.count == bytes.count)
      bytes = again.bytes
    }
  }

  @Test func restOfThePacketIsKept() throws {
    let packet =
      #"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description dc:x="1">é</rdf:Description></rdf:RDF></x:xmpmeta>"#
    let merged = xmp(Array(packet.utf8), with: history)
    let text = String(decoding: merged, as: UTF8.self)
    #expect(
      text.hasPrefix(
        #"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description dc:x="1">é<"#))
    #expect(text.hasSuffix("</rdf:RDF></x:xmpmeta>"))
    #expect(readProvenance(merged) == history)
    // Replacing it again and again does not make the packet grow.
    #expect(xmp(merged, with: history) == merged)
  }

  @Test(arguments: [
    #"<r:Description xmlns:h="https://rtool.dev/ns/1.0/"><h:history>a &lt; b</h:history></r:Description>"#,
    #"<r:Description xmlns:h='https://rtool.dev/ns/1.0/' h:history='a &lt; b'/>"#,
    "<r:Description xmlns:h='https://rtool.dev/ns/1.0/'>\n <h:history\n x='1'>a &#60; b</h:history ></r:Description>",
    #"<r:Description xmlns:h="https://rtool.dev/ns/1.0/" h:history="a &#x3C; b"></r:Description>"#,
  ])
  func otherSpellingsAreRead(_ text: String) {
    #expect(readProvenance(Array(text.utf8)) == "a < b")
    let replaced = xmp(Array((text + "</rdf:RDF>").utf8), with: "new")
    #expect(readProvenance(replaced) == "new")
    #expect(!contains("a &", replaced))
  }

  @Test(arguments: [
    "", "<", "xmlns:", "=\"https://rtool.dev/ns/1.0/\"", "xmlns:=\"https://rtool.dev/ns/1.0/\"",
    "xmlns:h=\"https://rtool.dev/ns/1.0/\"<h:history", "xmlns:h=\"https://rtool.dev/ns/1.0/\"<h:history>",
    "xmlns:h=\"https://rtool.dev/ns/1.0/\"<h:history/></h:history>",
    "xmlns:h=\"https://rtool.dev/ns/1.0/\" h:history=\"",
    "xmlns:h=\"https://rtool.dev/ns/1.0/\"<h:history></h:history", "<xmp:Thumbnails", "tiff:Orientation=\"",
    "</rdf:RDF", "<tiff:Orientation>", "</xmp:Thumbnails><xmp:Thumbnails",
  ])
  func hostilePacketsDoNoHarm(_ text: String) {
    for bytes in [Array(text.utf8), Array(text.utf8) + [0xFF, 0xFE, 0], [0] + Array(text.utf8)] {
      _ = readProvenance(bytes)
      _ = describedXMP(bytes, width: 3, height: 2, orientation: 1)
      #expect(readProvenance(xmp(bytes, with: history)) == history)
    }
  }

  @Test func randomPacketsDoNoHarm() {
    let pieces = [
      "<", ">", "/", "\"", "'", " ", "h:history", "<h:history>", "</h:history>",
      "xmlns:h=\"https://rtool.dev/ns/1.0/\"",
      "&#xFFFFFFFF;", "&amp;", "&;", "&#;", "</rdf:RDF>", "<xmp:Thumbnails", "</xmp:Thumbnails>",
      "tiff:Orientation=\"6\"",
    ]
    var random = SplitMix(seed: 3)
    for _ in 0..<2000 {
      let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in pieces.randomElement(using: &random)!
      }.joined()
      _ = describedXMP(Array(text.utf8), width: 3, height: 2, orientation: 1)
      _ = readProvenance(Array(text.utf8))
      _ = xmp(Array(text.utf8), with: history)
    }
  }

  @Test(.timeLimit(.minutes(10))) func longHostilePacketsTakeLittleTime() {
    let head = "xmlns:h=\"https://rtool.dev/ns/1.0/\""
    for piece in [
      "<h:history>", "<h:history></h:history>", "<h:history", "<h:history/>",
      "<xmp:Thumbnails></xmp:Thumbnails>", head,
    ] {
      let packet = Array((head + String(repeating: piece, count: 40000) + "</rdf:RDF>").utf8)
      _ = describedXMP(packet, width: 3, height: 2, orientation: 1)
      #expect(readProvenance(xmp(packet, with: history)) == history)
    }
  }

  @Test func controlCharactersBecomeLegalXML() {
    let back = readProvenance(xmp(nil, with: "a\u{1}b\r\n\tc\u{FFFE}"))
    #expect(back == "a\u{FFFD}b\r\n\tc\u{FFFD}")
  }
}

/// Sebastiano Vigna's splitmix64: the same numbers every time.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
