/// A file whose pixels are indices into a table of colours. Decoders give the colours; that two entries may have one
/// colour, and which entry a pixel has, is found by decoding the file once more with other colours in its table.
struct IndexedFile {
  /// Red, green and blue of each entry, 0...255.
  private(set) var colours: [[Float]] = []
  /// The same file, in which the entry of index i is the grey of level i.
  private(set) var ramp: [UInt8]

  /// nil: the pixels are no indices.
  init?(_ bytes: [UInt8], _ format: Format) {
    ramp = bytes
    let found: Bool
    switch format {
    case .png: found = rewritePNG()
    case .gif: found = rewriteGIF()
    case .tiff: found = rewriteTIFF()
    case .bmp: found = rewriteBMP()
    default: found = false
    }
    if !found || colours.isEmpty { return nil }
  }

  private mutating func rewriteTable(at start: Int, entries: Int) {
    for index in 0..<entries {
      let entry = start + 3 * index..<start + 3 * index + 3
      colours.append(ramp[entry].map(Float.init))
      ramp.replaceSubrange(entry, with: repeatElement(UInt8(index), count: 3))
    }
  }

  /// Chunk PLTE, after a header that says that there are indices.
  private mutating func rewritePNG() -> Bool {
    guard ramp.count > 33, ramp[25] == 3 else { return false }
    var at = 8
    while at + 12 <= ramp.count {
      let length = ramp[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = at + 8 + length
      guard end + 4 <= ramp.count else { return false }
      if ramp[at + 4..<at + 8].elementsEqual("PLTE".utf8) {
        guard length % 3 == 0, length <= 768 else { return false }
        rewriteTable(at: at + 8, entries: length / 3)
        // Indices beyond the end are indices as well.
        let greys = (0..<1 << Int(min(ramp[24], 8))).flatMap { repeatElement(UInt8($0), count: 3) }
        ramp.replaceSubrange(at..<end + 4, with: PNGChunk.bytes("PLTE", greys))
        return true
      }
      at = end + 4
    }
    return false
  }

  /// The first picture's own table, else the one of all.
  private mutating func rewriteGIF() -> Bool {
    var at = afterColourTable(ramp, flagsAt: 10, next: 13)
    let shared = 13..<at
    while at + 10 < ramp.count, ramp[at] == 0x21 { at = afterBlocks(ramp, at + 2) }
    guard at + 10 < ramp.count, ramp[at] == 0x2C else { return false }
    let own = at + 10..<afterColourTable(ramp, flagsAt: at + 9, next: at + 10)
    let table = own.isEmpty ? shared : own
    guard !table.isEmpty, table.upperBound <= ramp.count else { return false }
    rewriteTable(at: table.lowerBound, entries: table.count / 3)
    return true
  }

  private mutating func rewriteBMP() -> Bool {
    guard let header = BMPHeader(ramp), header.bits <= 8 else { return false }
    colours = header.palette(ramp).map { $0.map(Float.init) }
    for (index, at) in stride(
      from: header.palette.lowerBound, to: header.palette.upperBound, by: header.entrySize
    )
    .enumerated() {
      ramp.replaceSubrange(at..<at + 3, with: repeatElement(UInt8(index), count: 3))
    }
    return true
  }

  /// Tag ColorMap, which has all reds, then all greens, then all blues, in 16 bits each.
  private mutating func rewriteTIFF() -> Bool {
    guard let tags = FirstTIFFDirectory(ramp), tags.number(TIFFTag.photometric) == 3,
      let place = tags.place(of: 320),
      place.count % 6 == 0, place.count <= 6 * 256
    else { return false }
    let entries = place.count / 6
    for index in 0..<entries {
      let planes = (0..<3).map { place.lowerBound + 2 * (entries * $0 + index) }
      colours.append(planes.map { Float((tags.number(at: $0, bytes: 2) ?? 0) >> 8) })
      for plane in planes { ramp.replaceSubrange(plane..<plane + 2, with: tags.encoded(UInt16(index) * 257)) }
    }
    return true
  }
}
