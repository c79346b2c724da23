// The EXIF block becomes the start of the file, so that every place that it names stays true, those in maker notes
// too; then come the pixels as they are encoded, then directories that are made anew.

extension Metadata {
  /// Throws `failed` for a file that is not understood or would need places beyond 32 bits.
  func writeTIFF(_ file: EncodedImage) throws(ImagingError) {
    guard let pages = file.withUnsafeBytes(EncodedPage.all), let first = pages.first else {
      throw notUnderstood(file)
    }
    var block = exif
    // Samples of several bytes have the order of the file.
    if let exif, exif.isBigEndian, !pages.allSatisfy(\.hasSmallSamples) {
      block = exif.inByteOrder(bigEndian: false)
    }
    let isBigEndian = block?.isBigEndian ?? false
    var head = block?.bytes ?? [UInt8](repeating: 0, count: 8)
    head += [UInt8](repeating: 0, count: (16 - head.count % 16) % 16)
    let pixelEnd = pages.map(\.pixelEnd).max() ?? 8
    var layout = DirectoryLayout(
      isBigEndian: isBigEndian, start: head.count + pixelEnd - 8 + (head.count + pixelEnd) % 2)

    var rows: [[DirectoryLayout.Row]] = []
    for (index, page) in pages.enumerated() {
      let own = page.entries.filter { !TIFFTag.density.contains($0.tag) && !TIFFTag.words.contains($0.tag) }
      var all = own.map { layout.row($0.moved(by: head.count - 8, to: isBigEndian)) }
      if index == 0 {
        replace(&all, sampleEntries(first, isBigEndian), in: &layout)
        let carried = (block?.main?.fields ?? []).filter { isCarried($0.tag) }
        all += carried.compactMap { field in block?.bytes.part(field.place, 12).map { (field.tag, $0) } }
        replace(&all, blocks, in: &layout)
      }
      if !all.contains(where: { $0.tag == TIFFTag.xResolution }), let density {
        replace(&all, density.entries(bigEndian: isBigEndian), in: &layout)
      }
      rows.append(all)
    }
    let firstDirectory = layout.add(rows)
    guard let tail = layout.finished else { throw notUnderstood(file) }
    head.replaceSubrange(
      0..<8,
      with: Array((isBigEndian ? "MM" : "II").utf8) + numberBytes(of: 42, size: 2, bigEndian: isBigEndian)
        + numberBytes(of: firstDirectory, size: 4, bigEndian: isBigEndian))
    let padding = [UInt8](repeating: 0, count: layout.start - (head.count + pixelEnd - 8))
    try file.replace(pixelEnd..<file.count, with: padding + tail)
    try file.replace(0..<8, with: head)
  }

  /// Whether a field of the first directory of the EXIF block is written.
  private func isCarried(_ tag: Int) -> Bool {
    if tag == TIFFTag.exif || tag == TIFFTag.gps { return true }
    return !TIFFTag.structure.contains(tag) && !TIFFTag.apart.contains(tag) && !TIFFTag.isPicture(tag)
  }

  private func sampleEntries(_ page: EncodedPage, _ bigEndian: Bool) -> [TIFFEntry] {
    let count = page.samples
    if samples.isGrey, let extra = samples.extra, count == extra.count + 1, page.photometric == 2 {
      return [
        TIFFEntry(TIFFTag.photometric, shorts: [1], bigEndian: bigEndian),
        TIFFEntry(TIFFTag.extraSamples, shorts: extra, bigEndian: bigEndian),
      ]
    }
    let others = page.entries.first { $0.tag == TIFFTag.extraSamples }?.count ?? 0
    if others == 0 { return [] }
    let names = samples.names(hasAlpha: hasAlpha, others: others - (hasAlpha ? 1 : 0))
    return [TIFFEntry(TIFFTag.extraSamples, shorts: names, bigEndian: bigEndian)]
  }

  /// What has a field of its own and is not EXIF.
  private var blocks: [TIFFEntry] {
    var entries: [TIFFEntry] = []
    if let xmp { entries.append(TIFFEntry(TIFFTag.xmp, type: 1, bytes: xmp)) }
    if let iptc {
      // As programs do that write the most of them: as numbers of four bytes, whatever the order of the file.
      let padded = iptc + [UInt8](repeating: 0, count: (4 - iptc.count % 4) % 4)
      entries.append(TIFFEntry(TIFFTag.iptc, type: 4, bytes: padded))
    }
    let whole = resources.flatMap(\.whole)
    if !whole.isEmpty { entries.append(TIFFEntry(TIFFTag.photoshop, type: 1, bytes: whole)) }
    return entries
  }

  private func replace(
    _ rows: inout [DirectoryLayout.Row], _ entries: [TIFFEntry], in layout: inout DirectoryLayout
  ) {
    for entry in entries {
      rows.removeAll { $0.tag == entry.tag }
      rows.append(layout.row(entry))
    }
  }
}

/// A directory of a TIFF file that libvips has encoded.
private struct EncodedPage {
  /// In the order of the processor that encoded it.
  let entries: [TIFFEntry]
  /// Where its pixels end.
  let pixelEnd: Int
  let samples: Int
  let photometric: Int
  /// Whether no sample is longer than a byte.
  let hasSmallSamples: Bool

  /// All of a file, or nil if it is not understood.
  static func all(_ file: UnsafeRawBufferPointer) -> [EncodedPage]? {
    guard let header = TIFFHeader(file), !header.isBigTIFF, !header.isBigEndian else { return nil }
    var pages: [EncodedPage] = []
    var place = header.firstDirectory
    while place != 0, pages.count < 65536 {
      guard let directory = TIFFDirectory(file, header, at: place), let page = EncodedPage(directory, file)
      else { return nil }
      pages.append(page)
      place = directory.next
    }
    return pages
  }

  private init?(_ directory: TIFFDirectory, _ file: UnsafeRawBufferPointer) {
    func numbers(_ tag: Int) -> [Int] {
      guard let field = directory[tag] else { return [] }
      return (0..<field.count).compactMap { file.number(field, $0, bigEndian: false) }
    }
    let places = numbers(TIFFTag.stripOffsets) + numbers(TIFFTag.tileOffsets)
    let sizes = numbers(TIFFTag.stripByteCounts) + numbers(TIFFTag.tileByteCounts)
    guard !places.isEmpty, places.count == sizes.count else { return nil }
    let end = zip(places, sizes).map { $0 + $1 }.max() ?? 0
    guard end <= file.count, places.allSatisfy({ $0 >= 8 }) else { return nil }
    entries = directory.fields.compactMap { TIFFEntry($0, file, bigEndian: false) }
    pixelEnd = end
    samples = numbers(TIFFTag.samplesPerPixel).first ?? 1
    photometric = numbers(TIFFTag.photometric).first ?? 1
    hasSmallSamples = numbers(TIFFTag.bitsPerSample).allSatisfy { $0 <= 8 }
  }
}

extension TIFFEntry {
  /// This field in a byte order, from little-endian, with places of pixels that lie so much further on.
  fileprivate func moved(by shift: Int, to bigEndian: Bool) -> TIFFEntry {
    let unit =
      switch type {
      case 3, 8: 2
      case 4, 5, 9, 10, 11, 13: 4
      case 12, 16, 17, 18: 8
      default: 1
      }
    let isPlace = tag == TIFFTag.stripOffsets || tag == TIFFTag.tileOffsets
    if unit == 1 || !bigEndian && !isPlace { return self }
    var moved = self
    if isPlace { (moved.type, moved.value) = (4, []) } else { moved.value = [] }
    for at in stride(from: 0, to: value.count, by: unit) {
      if isPlace {
        let place = (value.number(at: at, size: unit, bigEndian: false) ?? 0) + shift
        moved.value += numberBytes(of: place, size: 4, bigEndian: bigEndian)
      } else {
        moved.value += value[at..<min(at + unit, value.count)].reversed()
      }
    }
    return moved
  }
}

/// Directories and values that are added to the end of a file.
private struct DirectoryLayout {
  /// A field with the 12 bytes that a directory has of it.
  typealias Row = (tag: Int, bytes: [UInt8])

  let isBigEndian: Bool
  /// Where in the file this begins.
  let start: Int
  private var bytes: [UInt8] = []

  init(isBigEndian: Bool, start: Int) { (self.isBigEndian, self.start) = (isBigEndian, start) }

  /// nil if the places have no room in 32 bits.
  var finished: [UInt8]? { start + bytes.count <= Int(UInt32.max) ? bytes : nil }

  mutating func row(_ entry: TIFFEntry) -> Row {
    var row = numberBytes(of: entry.tag, size: 2, bigEndian: isBigEndian)
    row += numberBytes(of: entry.type, size: 2, bigEndian: isBigEndian)
    row += numberBytes(of: entry.count, size: 4, bigEndian: isBigEndian)
    if entry.value.count <= 4 {
      return (entry.tag, row + entry.value + [UInt8](repeating: 0, count: 4 - entry.value.count))
    }
    let place = numberBytes(of: start + bytes.count, size: 4, bigEndian: isBigEndian)
    bytes += entry.value
    if bytes.count % 2 == 1 { bytes.append(0) }
    return (entry.tag, row + place)
  }

  /// Adds directories that each name the next; where the first is.
  mutating func add(_ directories: [[Row]]) -> Int {
    let first = start + bytes.count
    for (index, rows) in directories.enumerated() {
      bytes += numberBytes(of: rows.count, size: 2, bigEndian: isBigEndian)
      bytes += rows.sorted { $0.tag < $1.tag }.flatMap(\.bytes)
      let next = index + 1 < directories.count ? start + bytes.count + 4 : 0
      bytes += numberBytes(of: next, size: 4, bigEndian: isBigEndian)
    }
    return first
  }
}
