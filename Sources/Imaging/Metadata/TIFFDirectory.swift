// TIFF 6.0: a header with the place of the first directory; a directory is a list of fields; a field has its
// value in itself if that is short, else at a place that it names. EXIF is kept in the same structure.

/// The header of a TIFF structure, classic or BigTIFF.
struct TIFFHeader {
  let isBigEndian: Bool
  /// Whether places and counts have 8 bytes.
  let isBigTIFF: Bool
  let firstDirectory: Int

  init?(_ bytes: some ByteCollection) {
    guard bytes.has("II", at: 0) || bytes.has("MM", at: 0) else { return nil }
    let isBigEndian = bytes[0] == UInt8(ascii: "M")
    let version = bytes.number(at: 2, size: 2, bigEndian: isBigEndian)
    guard version == 42 || version == 43,
      let first = bytes.number(at: version == 42 ? 4 : 8, size: version == 42 ? 4 : 8, bigEndian: isBigEndian)
    else { return nil }
    (self.isBigEndian, isBigTIFF, firstDirectory) = (isBigEndian, version == 43, first)
  }
}

/// A field of a directory, by where it is in the file.
struct TIFFField {
  let tag: Int
  let type: Int
  /// The number of values.
  let count: Int
  /// Where its 12 bytes in the directory begin (20 in BigTIFF).
  let place: Int
  /// Where its value begins, in the field or elsewhere. It lies inside the file.
  let valuePlace: Int
  /// Bytes of its value.
  let size: Int

  var range: Range<Int> { valuePlace..<valuePlace + size }
}

struct TIFFDirectory {
  let place: Int
  let fields: [TIFFField]
  /// Where the place of the next directory is written, and that place; 0: there is none.
  let nextPlace: Int
  let next: Int

  /// nil if there is no directory at this place. Fields of unknown types or with values outside are left out.
  init?(_ bytes: some ByteCollection, _ header: TIFFHeader, at place: Int) {
    let (countSize, entrySize, wordSize) = header.isBigTIFF ? (8, 20, 8) : (2, 12, 4)
    func number(_ place: Int, _ size: Int) -> Int? {
      bytes.number(at: place, size: size, bigEndian: header.isBigEndian)
    }
    guard place >= 8, let count = number(place, countSize), count > 0,
      count <= (bytes.count - place - countSize) / entrySize
    else { return nil }
    let end = place + countSize + count * entrySize
    var fields: [TIFFField] = []
    for entry in stride(from: place + countSize, to: end, by: entrySize) {
      guard let tag = number(entry, 2), let type = number(entry + 2, 2),
        let count = number(entry + 4, wordSize),
        let unit = TIFFDirectory.size(ofType: type), count <= bytes.count / unit
      else { continue }
      let inline = entry + 4 + wordSize
      let valuePlace = count * unit <= wordSize ? inline : number(inline, wordSize)
      guard let valuePlace, valuePlace <= bytes.count - count * unit else { continue }
      fields.append(
        TIFFField(
          tag: tag, type: type, count: count, place: entry, valuePlace: valuePlace, size: count * unit))
    }
    self.place = place
    self.fields = fields
    nextPlace = end
    next = number(end, wordSize) ?? 0
  }

  subscript(tag: Int) -> TIFFField? { fields.first { $0.tag == tag } }

  /// The bytes of one value.
  static func size(ofType type: Int) -> Int? {
    switch type {
    case 1, 2, 6, 7: 1
    case 3, 8: 2
    case 4, 9, 11, 13: 4
    case 5, 10, 12, 16, 17, 18: 8
    default: nil
    }
  }
}

extension ByteCollection {
  /// A whole number of a field: BYTE, SHORT, LONG, IFD or LONG8.
  func number(_ field: TIFFField, _ index: Int = 0, bigEndian: Bool) -> Int? {
    guard index < field.count, [1, 3, 4, 13, 16, 18].contains(field.type),
      let size = TIFFDirectory.size(ofType: field.type)
    else { return nil }
    return number(at: field.valuePlace + index * size, size: size, bigEndian: bigEndian)
  }
}
