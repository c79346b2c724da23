/// A box of a file of the ISO base media family, JPEG 2000 or JPEG XL, by where its data are (ISO 14496-12, 4.2).
struct ISOBox {
  let type: String
  let whole: Range<Int>
  let data: Range<Int>

  /// The boxes of a file or of a part of it, as far as they are whole.
  static func all(in file: some ByteCollection, _ range: Range<Int>) -> [ISOBox] {
    var found: [ISOBox] = []
    var at = range.lowerBound
    while at + 8 <= range.upperBound, var size = file.number(at: at, size: 4, bigEndian: true),
      let type = file.part(at + 4, 4)
    {
      var head = 8
      if size == 1, let large = file.number(at: at + 8, size: 8, bigEndian: true) {
        (size, head) = (large, 16)
      }
      if size == 0 { size = range.upperBound - at }
      guard size >= head, size <= range.upperBound - at else { break }
      found.append(
        ISOBox(
          type: String(decoding: type, as: UTF8.self), whole: at..<at + size, data: at + head..<at + size))
      at += size
    }
    return found
  }

  static func bytes(_ type: String, _ data: [UInt8]) -> [UInt8] { head(type, data.count) + data }

  /// What precedes so many bytes of data.
  static func head(_ type: String, _ count: Int) -> [UInt8] {
    let isLong = count > Int(UInt32.max) - 8
    return numberBytes(of: isLong ? 1 : count + 8, size: 4, bigEndian: true) + Array(type.utf8)
      + (isLong ? numberBytes(of: count + 16, size: 8, bigEndian: true) : [])
  }
}
