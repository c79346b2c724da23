// Photoshop image resources: "8BIM", a number, a name, data, and so on. JPEG holds them after a
// signature, and IPTC as one of them; TIFF holds them without it, and IPTC apart.

/// One image resource of Photoshop.
struct PhotoshopResource: Sendable {
  static let signature = Array("Photoshop 3.0\0".utf8)
  private static let marks = ["8BIM", "PHUT", "DCSR", "AgHg", "MeSa"]
  private static let iptcNumber = 1028
  private static let thumbnailNumbers: Set = [1033, 1036]
  /// Resolution, colour settings, a checksum of IPTC: what is lost without anybody's missing it.
  private static let slightNumbers: Set = Set(1000...1020).union([1037, 1039, 1041, 1044, 1049, 1057, 1061])

  let number: Int
  let data: [UInt8]
  /// With its head and padding.
  let whole: [UInt8]

  var isIPTC: Bool { number == Self.iptcNumber }
  /// Shows what is no longer in the picture.
  var isThumbnail: Bool { Self.thumbnailNumbers.contains(number) }
  var isSlight: Bool { Self.slightNumbers.contains(number) }

  /// The resources of a block, with or without the signature.
  static func all(in block: [UInt8]) -> [PhotoshopResource] {
    var found: [PhotoshopResource] = []
    var at = block.starts(with: signature) ? signature.count : 0
    while at + 12 <= block.count, marks.contains(where: { block.has($0, at: at) }) {
      // The name, a Pascal string, and the data are padded to even lengths.
      let sizeAt = at + 6 + (Int(block[at + 6]) + 2) / 2 * 2
      guard let size = block.number(at: sizeAt, size: 4, bigEndian: true),
        let data = block.part(sizeAt + 4, size)
      else { break }
      let end = min(sizeAt + 4 + (size + 1) / 2 * 2, block.count)
      found.append(
        PhotoshopResource(
          number: Int(block[at + 4]) << 8 | Int(block[at + 5]), data: data, whole: Array(block[at..<end])))
      at = end
    }
    return found
  }

  static func iptc(_ records: [UInt8]) -> PhotoshopResource {
    let head =
      Array("8BIM".utf8) + numberBytes(of: iptcNumber, size: 2, bigEndian: true) + [0, 0]
      + numberBytes(of: records.count, size: 4, bigEndian: true)
    return PhotoshopResource(
      number: iptcNumber, data: records, whole: head + records + (records.count % 2 == 0 ? [] : [0]))
  }

  private init(number: Int, data: [UInt8], whole: [UInt8]) {
    (self.number, self.data, self.whole) = (number, data, whole)
  }
}
