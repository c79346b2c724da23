import CVips
import Imaging
import Testing

private func number(_ value: Int, _ size: Int) -> [UInt8] {
  (0..<size).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A Photoshop file of 4 x 2 pixels.
/// - Parameters:
///   - planes: the samples of each channel.
///   - layers: their number as the file has it; nil: there are none.
private func photoshop(
  mode: Int, depth: Int = 8, resources: [(Int, [UInt8])] = [], layers: Int? = nil, isPacked: Bool = false,
  isLarge: Bool = false, _ planes: [[UInt8]]
) -> [UInt8] {
  var block: [UInt8] = []
  for (id, data) in resources {
    block += Array("8BIM".utf8) + number(id, 2) + [0, 0] + number(data.count, 4) + data
    if data.count % 2 == 1 { block.append(0) }
  }
  let size = isLarge ? 8 : 4
  var section: [UInt8] = []
  if let layers, depth == 8 { section = number(2, size) + number(layers, 2) }
  if let layers, depth == 16 {
    section = number(0, size) + number(0, 4) + Array("8BIMabcd".utf8) + number(3, 4) + [1, 2, 3, 0]
    section += Array("8BIMLr16".utf8) + number(2, size) + number(layers, 2)
  }
  var file = Array("8BPS".utf8) + number(isLarge ? 2 : 1, 2) + [0, 0, 0, 0, 0, 0]
  file += number(planes.count, 2) + number(2, 4) + number(4, 4) + number(depth, 2) + number(mode, 2)
  file += number(0, 4) + number(block.count, 4) + block
  file += number(section.count, size) + section + number(isPacked ? 1 : 0, 2)
  var rows: [[UInt8]] = []
  for plane in planes {
    rows += [Array(plane[..<(plane.count / 2)]), Array(plane[(plane.count / 2)...])]
  }
  if isPacked {
    // Each row as one part that is stored as it is, behind a byte that stands for nothing.
    rows = rows.map { [128, UInt8($0.count - 1)] + $0 }
    for row in rows { file += number(row.count, isLarge ? 4 : 2) }
  }
  return file + Array(rows.joined())
}

private func doubled(_ bytes: [UInt8]) -> [UInt8] { bytes.flatMap { value -> [UInt8] in [value, value] } }

/// The samples that a result keeps.
private func stored(_ file: [UInt8]) throws -> RawImage {
  try RawImage(decoding: SourceImage.open(bytes: file).patched(with: []).encoded(as: .tiff).bytes, CVIPS_TIFF)
}

@Suite struct PSDTests {
  private let red: [UInt8] = [255, 0, 0, 10, 20, 30, 40, 50]
  private let green: [UInt8] = [0, 255, 0, 11, 21, 31, 41, 51]
  private let blue: [UInt8] = [0, 0, 255, 12, 22, 32, 42, 52]
  private var joined: [UInt16] {
    red.indices.flatMap { at -> [UInt16] in [red[at], green[at], blue[at]].map(UInt16.init) }
  }

  @Test(arguments: [false, true], [false, true]) func coloursAreRead(_ isPacked: Bool, _ isLarge: Bool) throws
  {
    let file = photoshop(mode: 3, isPacked: isPacked, isLarge: isLarge, [red, green, blue])
    #expect(try stored(file).values == joined)
    let source = try SourceImage.open(bytes: file)
    #expect(source.format == .psd && source.width == 4 && source.height == 2 && !source.hasAlpha)
    #expect(try source.rgb().pixels == joined.map { Float($0) / 255 })
    #expect(throws: ImagingError.self) { try source.patched(with: []).encoded(as: .psd) }
    // A channel behind the colours is a selection, unless the layers say otherwise.
    let more = photoshop(mode: 3, layers: 2, isPacked: isPacked, isLarge: isLarge, [red, green, blue, red])
    #expect(try stored(more).values == joined)
  }

  @Test(arguments: [false, true]) func sixteenBitsStay(_ isPacked: Bool) throws {
    let wide: [UInt8] = red.flatMap { value -> [UInt8] in [value, 0x81] }
    let source = try SourceImage.open(bytes: photoshop(mode: 1, depth: 16, isPacked: isPacked, [wide]))
    #expect(source.bitDepth == 16 && source.colourChannels == 1)
    let expected = red.map { (Float($0) * 256 + 0x81) / 65535 }
    #expect(
      difference(
        try source.rgb(),
        FloatImage(width: 4, height: 2, channels: 3, pixels: expected.flatMap { [$0, $0, $0] })) < 1e-6)
  }

  @Test func transparencyIsWhereTheLayersSay() throws {
    let alpha: [UInt8] = [255, 255, 0, 128, 128, 255, 255, 255]
    // 20 of 255 seen through half transparency is 137 on white.
    let shown: [UInt8] = [255, 0, 255, 137, 137, 30, 40, 50]
    let picture = try stored(photoshop(mode: 1, layers: -1 & 0xFFFF, [shown, alpha]))
    #expect(picture.bands == 2)
    #expect(
      picture.values[6] == 20 && picture.values[7] == 128 && picture.values[4] == 255
        && picture.values[5] == 0)
    let wide = try stored(
      photoshop(mode: 1, depth: 16, layers: -2 & 0xFFFF, [doubled(shown), doubled(alpha)]))
    #expect(wide.bands == 2 && wide.isWide)
    #expect(try SourceImage.open(bytes: photoshop(mode: 1, layers: -1 & 0xFFFF, [shown, alpha])).hasAlpha)
  }

  @Test func inksAreTurnedAround() throws {
    let none = [UInt8](repeating: 255, count: 8)
    let picture = try stored(photoshop(mode: 4, [none, [255, 0, 255, 255, 255, 255, 255, 255], none, none]))
    #expect(picture.isCMYK && Array(picture.values[..<8]) == [0, 0, 0, 0, 0, 255, 0, 0])
    let source = try SourceImage.open(bytes: photoshop(mode: 4, [none, none, none, none]))
    #expect(source.colourChannels == 4)
    #expect(try source.rgb().pixels.allSatisfy { $0 > 0.99 })
  }

  @Test func metadataAreCarried() throws {
    let iptc: [UInt8] = [0x1C, 2, 5, 0, 3, 65, 66, 67]
    let packet = "<x:xmpmeta><rdf:RDF><a>kept</a></rdf:RDF></x:xmpmeta>"
    let file = photoshop(
      mode: 3,
      resources: [
        (1005, [0, 144, 0, 0, 0, 1, 0, 1, 0, 144, 0, 0, 0, 1, 0, 1]), (1028, iptc), (1036, [1, 2, 3]),
        (1058, Array(exif().dropFirst(6))), (1060, Array(packet.utf8)), (1039, try profile("p3")),
      ], layers: 3, [red, green, blue])
    let made = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .jpeg)
    #expect(made.notes.count == 1 && made.notes[0].contains("Photoshop's layers"))
    let bytes = made.bytes
    #expect(contains("RTool Test Camera", bytes) && contains(iptc, bytes) && contains("<a>kept</a>", bytes))
    #expect(try SourceImage.open(bytes: bytes).profile == profile("p3"))
    // 144 per inch.
    #expect(contains(Array("JFIF\0".utf8) + [1, 1, 1, 0, 144, 0, 144], bytes))
  }

  @Test func whatIsNotReadIsSaid() {
    let blank: (Int, [UInt8]) = (1057, [0, 0, 0, 1, 0])
    for (file, words) in [
      (photoshop(mode: 9, [red, green, blue]), "grey, RGB and CMYK"),
      (photoshop(mode: 3, depth: 32, [red, green, blue]), "8 or 16 bits"),
      (photoshop(mode: 3, resources: [blank], [red, green, blue]), "Maximize Compatibility"),
    ] {
      let error = #expect(throws: ImagingError.self) { try SourceImage.open(bytes: file) }
      #expect(error?.kind == .unsupported && error?.description.contains(words) == true)
      #expect(isOneLine(error))
    }
  }

  @Test func damagedFilesAreErrors() throws {
    for file in [
      photoshop(
        mode: 3, resources: [(1028, [1, 2, 3])], layers: -2 & 0xFFFF, isPacked: true, [red, green, blue, red]),
      photoshop(mode: 1, depth: 16, layers: -1 & 0xFFFF, isLarge: true, [red + red, green + green]),
    ] {
      _ = try SourceImage.open(bytes: file)
      for length in 0..<file.count {
        let error = #expect(throws: ImagingError.self) { try SourceImage.open(bytes: Array(file[..<length])) }
        #expect(isOneLine(error))
      }
      for place in 4..<file.count {
        for value in [0, 1, 2, 127, 128, 255] as [UInt8] {
          var bytes = file
          bytes[place] = value
          do throws(ImagingError) {
            _ = try SourceImage.open(.bytes(bytes, name: "test"), limits: Limits(maxPixels: 1 << 20))
          } catch {
            #expect(isOneLine(error))
          }
        }
      }
    }
    var huge = photoshop(mode: 3, isPacked: true, [red, green, blue])
    huge.replaceSubrange(14..<22, with: number(16000, 4) + number(16000, 4))
    #expect(throws: ImagingError.self) { try SourceImage.open(bytes: huge) }
  }
}
