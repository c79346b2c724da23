/// An EXIF block as it stands in a file: a classic TIFF structure. It is changed in place alone, since maker notes
/// name places that count from its start.
struct EXIFBlock: Sendable {
  var bytes: [UInt8]
  private let header: TIFFHeader

  var isBigEndian: Bool { header.isBigEndian }

  /// nil if it is none. What precedes some blocks, "Exif" and two zeros, is left out.
  init?(_ block: [UInt8]) {
    let bytes = block.has("Exif\0", at: 0) ? Array(block.dropFirst(6)) : block
    guard let header = TIFFHeader(bytes), !header.isBigTIFF,
      TIFFDirectory(bytes, header, at: header.firstDirectory) != nil
    else { return nil }
    self.bytes = bytes
    self.header = header
  }

  var main: TIFFDirectory? { TIFFDirectory(bytes, header, at: header.firstDirectory) }

  var exif: TIFFDirectory? { main.flatMap { directory(TIFFTag.exif, of: $0) } }

  private func directory(_ tag: Int, of parent: TIFFDirectory) -> TIFFDirectory? {
    guard let field = parent[tag], let place = bytes.number(field, bigEndian: isBigEndian) else { return nil }
    return TIFFDirectory(bytes, header, at: place)
  }

  /// What the block says of the pixels becomes true of a picture of this size. Fields that are missing stay so.
  mutating func describe(width: Int, height: Int, orientation: Int) {
    if let main {
      set(main[TIFFTag.orientation], orientation)
      set(main[TIFFTag.imageWidth], width)
      set(main[TIFFTag.imageLength], height)
    }
    if let exif {
      set(exif[TIFFTag.pixelXDimension], width)
      set(exif[TIFFTag.pixelYDimension], height)
    }
  }

  private mutating func set(_ field: TIFFField?, _ value: Int) {
    guard let field, field.count == 1, field.type == 3 || field.type == 4 else { return }
    let isLong = field.type == 4 || value > 0xFFFF
    bytes.set(isLong ? 4 : 3, at: field.place + 2, size: 2, bigEndian: isBigEndian)
    bytes.set(0, at: field.valuePlace, size: 4, bigEndian: isBigEndian)
    bytes.set(value, at: field.valuePlace, size: isLong ? 4 : 2, bigEndian: isBigEndian)
  }

  /// Takes out the second directory, which is that of a thumbnail, and blanks its pixels and those of previews in
  /// maker notes: they show what is no longer there.
  mutating func dropThumbnails() {
    dropThumbnail()
    var at = 8
    while let start = bytes[at...].first(of: [0xFF, 0xD8, 0xFF])?.lowerBound {
      at = start + 3
      // A frame's tables or a segment follow the start of a picture.
      guard start + 3 < bytes.count, [0xC4, 0xDB, 0xE0, 0xE1].contains(bytes[start + 3]),
        let end = JPEGSegment.endOfPicture(bytes, from: start)
      else { continue }
      bytes.replaceSubrange(start..<end, with: [UInt8](repeating: 0, count: end - start))
      at = end
    }
  }

  private mutating func dropThumbnail() {
    guard let main, main.next != 0, main.nextPlace + 4 <= bytes.count else { return }
    bytes.set(0, at: main.nextPlace, size: 4, bigEndian: isBigEndian)
    guard let second = TIFFDirectory(bytes, header, at: main.next) else { return }
    for (place, size) in [
      (TIFFTag.jpegInterchange, TIFFTag.jpegInterchangeLength),
      (TIFFTag.stripOffsets, TIFFTag.stripByteCounts),
    ] {
      guard let places = second[place], let sizes = second[size] else { continue }
      for index in 0..<min(places.count, sizes.count, 16) {
        guard let start = bytes.number(places, index, bigEndian: isBigEndian),
          let count = bytes.number(sizes, index, bigEndian: isBigEndian), start < bytes.count
        else { continue }
        blank(start..<min(start + min(count, bytes.count), bytes.count))
      }
    }
  }

  /// Writes zeros, or cuts the end off, where nothing else of the block is.
  private mutating func blank(_ range: Range<Int>) {
    guard !used.contains(where: { $0.overlaps(range) }) else { return }
    if range.upperBound == bytes.count {
      bytes.removeLast(range.count)
    } else {
      bytes.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
    }
  }

  /// The header, the directories and their values.
  private var used: [Range<Int>] {
    guard let main else { return [0..<bytes.count] }
    let exif = exif
    let others = [
      directory(TIFFTag.gps, of: main), exif, exif.flatMap { directory(TIFFTag.interoperability, of: $0) },
    ]
    return [0..<8]
      + ([main] + others.compactMap(\.self)).flatMap { directory in
        [directory.place..<directory.nextPlace + 4] + directory.fields.map(\.range)
      }
  }

  /// This block in the other byte order, every field where it is. Maker notes stay as they are: they either say
  /// their order or are read in both.
  func inByteOrder(bigEndian: Bool) -> EXIFBlock? {
    if bigEndian == isBigEndian { return self }
    guard let main else { return nil }
    var swapped = bytes
    swapped.replaceSubrange(0..<2, with: (bigEndian ? "MM" : "II").utf8)
    swapped[2..<4].reverse()
    swapped[4..<8].reverse()
    // Directories that share places would be swapped twice.
    var done: Set<Int> = []
    let exif = exif
    for case let directory? in [
      main, exif, directory(TIFFTag.gps, of: main),
      exif.flatMap { self.directory(TIFFTag.interoperability, of: $0) },
    ] where done.insert(directory.place).inserted {
      guard directory.nextPlace + 4 <= bytes.count else { return nil }
      swapped[directory.place..<directory.place + 2].reverse()
      swapped[directory.nextPlace..<directory.nextPlace + 4].reverse()
      var values: Set<Int> = []
      let fields = Dictionary(uniqueKeysWithValues: directory.fields.map { ($0.place, $0) })
      for entry in stride(from: directory.place + 2, to: directory.nextPlace, by: 12) {
        for (part, size) in [(0, 2), (2, 2), (4, 4)] { swapped[entry + part..<entry + part + size].reverse() }
        guard let field = fields[entry] else {
          swapped[entry + 8..<entry + 12].reverse()
          continue
        }
        if field.size > 4 { swapped[entry + 8..<entry + 12].reverse() }
        if values.insert(field.valuePlace).inserted { swapValue(of: field, in: &swapped) }
      }
    }
    return EXIFBlock(swapped)
  }

  private func swapValue(of field: TIFFField, in swapped: inout [UInt8]) {
    var unit =
      switch field.type {
      case 3, 8: 2
      case 4, 5, 9, 10, 11, 13: 4
      case 12: 8
      default: 1
      }
    var range = field.range
    // Its text has the order of the block, if it is Unicode without a mark of its order.
    if field.tag == TIFFTag.userComment, bytes.has("UNICODE\0", at: field.valuePlace), field.size >= 10 {
      let mark = bytes.number(at: field.valuePlace + 8, size: 2, bigEndian: true)
      if mark != 0xFEFF, mark != 0xFFFE { (unit, range) = (2, range.lowerBound + 8..<range.upperBound) }
    }
    guard unit > 1 else { return }
    var at = range.lowerBound
    while at + unit <= range.upperBound {
      swapped[at..<at + unit].reverse()
      at += unit
    }
  }

  /// The fields of this block.
  var contents: EXIFContents? { EXIFContents(bytes) { _ in true } }
}
