/// The fields of the first picture in a classic TIFF file, with the file.
struct FirstTIFFDirectory {
  private let bytes: [UInt8]
  private let isBigEndian: Bool
  private let directory: TIFFDirectory

  /// nil: not a TIFF file, or BigTIFF.
  init?(_ bytes: [UInt8]) {
    guard let header = TIFFHeader(bytes), !header.isBigTIFF,
      let directory = TIFFDirectory(bytes, header, at: header.firstDirectory)
    else { return nil }
    (self.bytes, isBigEndian, self.directory) = (bytes, header.isBigEndian, directory)
  }

  /// Where the values of a field lie in the file; nil: it has no such field.
  func place(of tag: Int) -> Range<Int>? { directory[tag]?.range }

  /// The first number of a field.
  func number(_ tag: Int) -> Int? {
    directory[tag].flatMap { bytes.number($0, bigEndian: isBigEndian) }
  }

  func text(_ tag: Int) -> String? {
    place(of: tag).map { String(decoding: bytes[$0].prefix { $0 != 0 }, as: UTF8.self) }
  }

  func number(at place: Int, bytes count: Int) -> Int? {
    bytes.number(at: place, size: count, bigEndian: isBigEndian)
  }

  /// A number as this file writes it.
  func encoded(_ value: UInt16) -> [UInt8] { numberBytes(of: Int(value), size: 2, bigEndian: isBigEndian) }
}
