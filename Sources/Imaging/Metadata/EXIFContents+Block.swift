extension EXIFContents {
  /// How much may lie unused before a maker note that keeps its place.
  private static let mostUnused = 1 << 16

  /// The fields as an EXIF block, a classic TIFF structure without pixels; and whether the maker note is where
  /// it was. Where that would leave more than 64 KiB unused, it is not.
  func block() -> (bytes: [UInt8], keepsMakerNotePlace: Bool) {
    var layout = BlockLayout(isBigEndian: isBigEndian)
    let note = exif.first { $0.tag == TIFFTag.makerNote && $0.value.count > 4 }
    if let note, let place = makerNotePlace, place >= 8, place <= size + Self.mostUnused {
      layout.reserved = (place, note.value)
    }
    // Directories refer to later ones: those are made when their places are known.
    var exif = exif
    var main = main
    if !interoperability.isEmpty {
      exif.append(layout.pointer(TIFFTag.interoperability, to: interoperability))
    }
    if !exif.isEmpty { main.append(layout.pointer(TIFFTag.exif, to: exif)) }
    if !gps.isEmpty { main.append(layout.pointer(TIFFTag.gps, to: gps)) }
    let first = layout.add(main)
    return (layout.finished(first), note == nil || layout.reserved != nil)
  }

  /// A bound of the size of all fields.
  var size: Int {
    (main + exif + gps + interoperability).reduce(64) { $0 + 12 + $1.value.count + 1 }
  }
}

/// An EXIF block that is being made, around a maker note that has its place.
private struct BlockLayout {
  let isBigEndian: Bool
  var reserved: (place: Int, value: [UInt8])?
  private var bytes: [UInt8]

  init(isBigEndian: Bool) {
    self.isBigEndian = isBigEndian
    bytes = Array((isBigEndian ? "MM" : "II").utf8) + numberBytes(of: 42, size: 2, bigEndian: isBigEndian)
    bytes += [0, 0, 0, 0]
  }

  mutating func pointer(_ tag: Int, to entries: [TIFFEntry]) -> TIFFEntry {
    TIFFEntry(
      tag, type: 4, bytes: numberBytes(of: add(entries), size: 4, bigEndian: isBigEndian))
  }

  /// Adds a directory and its values; where it is.
  mutating func add(_ entries: [TIFFEntry]) -> Int {
    let entries = entries.sorted { $0.tag < $1.tag }
    let directory = room(for: 2 + 12 * entries.count + 4)
    bytes.set(entries.count, at: directory, size: 2, bigEndian: isBigEndian)
    for (index, entry) in entries.enumerated() {
      let place = directory + 2 + 12 * index
      bytes.set(entry.tag, at: place, size: 2, bigEndian: isBigEndian)
      bytes.set(entry.type, at: place + 2, size: 2, bigEndian: isBigEndian)
      bytes.set(entry.count, at: place + 4, size: 4, bigEndian: isBigEndian)
      if entry.value.count <= 4 {
        bytes.replaceSubrange(place + 8..<place + 8 + entry.value.count, with: entry.value)
      } else if entry.tag == TIFFTag.makerNote, let reserved, reserved.value.count == entry.value.count {
        bytes.set(reserved.place, at: place + 8, size: 4, bigEndian: isBigEndian)
      } else {
        let value = room(for: entry.value.count)
        bytes.replaceSubrange(value..<value + entry.value.count, with: entry.value)
        bytes.set(value, at: place + 8, size: 4, bigEndian: isBigEndian)
      }
    }
    return directory
  }

  mutating func finished(_ firstDirectory: Int) -> [UInt8] {
    bytes.set(firstDirectory, at: 4, size: 4, bigEndian: isBigEndian)
    if let reserved {
      let end = reserved.place + reserved.value.count
      if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
      bytes.replaceSubrange(reserved.place..<end, with: reserved.value)
    }
    return bytes
  }

  /// The place of so many new bytes, at the end and not in the maker note.
  private mutating func room(for size: Int) -> Int {
    var place = bytes.count + bytes.count % 2
    if let reserved, place < reserved.place + reserved.value.count, place + size > reserved.place {
      place = reserved.place + reserved.value.count
      place += place % 2
    }
    bytes += [UInt8](repeating: 0, count: place + size - bytes.count)
    return place
  }
}
