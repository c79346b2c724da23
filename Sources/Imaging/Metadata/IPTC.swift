/// IPTC's records (IIM 4.2): data sets, each a record number, a number in the record, and bytes.
struct IPTC {
  struct DataSet {
    let record: Int
    let number: Int
    let data: [UInt8]
  }

  let dataSets: [DataSet]
  /// Where the last whole one ends.
  private let end: Int
  /// Whether texts are in UTF-8; nil: nothing is said.
  private let isUTF8: Bool?

  /// Whatever is whole; what is left out after a damaged one is not counted.
  init(_ block: [UInt8]) {
    var found: [DataSet] = []
    var at = 0
    while at + 5 <= block.count, block[at] == 0x1C {
      var size = Int(block[at + 3]) << 8 | Int(block[at + 4])
      var start = at + 5
      if size & 0x8000 != 0 {  // the size of the size
        let count = size & 0x7FFF
        guard (1...8).contains(count), let large = block.number(at: start, size: count, bigEndian: true)
        else {
          break
        }
        start += count
        size = large
      }
      guard let data = block.part(start, size) else { break }
      found.append(DataSet(record: Int(block[at + 1]), number: Int(block[at + 2]), data: data))
      at = start + size
    }
    dataSets = found
    end = min(at, block.count)
    let escape = found.first { $0.record == 1 && $0.number == 90 }?.data
    isUTF8 = escape.map { $0.starts(with: [0x1B, 0x25, 0x47]) }
  }

  /// Texts of a data set of the second record, which is about the picture, in order.
  func texts(_ number: Int) -> [String] {
    dataSets.filter { $0.record == 2 && $0.number == number }.map { set in
      let text = isUTF8 == true ? String(decoding: set.data, as: UTF8.self) : guessedText(set.data)
      return String(text.unicodeScalars.prefix { $0 != "\0" })
    }.filter { !$0.isEmpty }
  }

  /// The block as a TIFF file stores it: with zeros at its end, and by some programs as numbers of four bytes in the
  /// file's order.
  static func block(ofTIFF value: [UInt8]) -> [UInt8]? {
    var block = value
    if value.first != 0x1C {
      guard value.count >= 8, value[3] == 0x1C else { return nil }
      block = stride(from: 0, to: value.count - 3, by: 4).flatMap { value[$0..<$0 + 4].reversed() }
    }
    let end = IPTC(block).end
    return block[end...].allSatisfy { $0 == 0 } ? Array(block[..<end]) : block
  }
}
