/// A field of a directory with its value, apart from any file.
struct TIFFEntry: Sendable {
  let tag: Int
  var type: Int
  var count: Int
  /// In the byte order of what it is an entry of.
  var value: [UInt8]
}

/// The fields of an EXIF block, or those of a TIFF file that say something about the picture.
struct EXIFContents: Sendable {
  var isBigEndian: Bool
  /// The first directory without the places of the others.
  var main: [TIFFEntry]
  var exif: [TIFFEntry] = []
  var gps: [TIFFEntry] = []
  var interoperability: [TIFFEntry] = []
  /// Where the maker note was: places that it names count from the start of the file.
  var makerNotePlace: Int?

  init(isBigEndian: Bool, main: [TIFFEntry]) {
    self.isBigEndian = isBigEndian
    self.main = main
  }

  /// - Parameter isWanted: which fields of the first directory are read.
  init?(_ bytes: some ByteCollection, where isWanted: (Int) -> Bool) {
    guard let header = TIFFHeader(bytes), let first = TIFFDirectory(bytes, header, at: header.firstDirectory)
    else { return nil }
    // Fields may share their bytes: copies of them all are not to be larger than the file.
    var room = bytes.count
    func entries(_ directory: TIFFDirectory, where isWanted: (Int) -> Bool) -> [TIFFEntry] {
      directory.fields.compactMap { field in
        guard isWanted(field.tag), field.size <= room else { return nil }
        room -= field.size
        return TIFFEntry(field, bytes, bigEndian: header.isBigEndian)
      }
    }
    func directory(_ tag: Int, of parent: TIFFDirectory) -> TIFFDirectory? {
      guard let field = parent[tag], let place = bytes.number(field, bigEndian: header.isBigEndian) else {
        return nil
      }
      return TIFFDirectory(bytes, header, at: place)
    }
    isBigEndian = header.isBigEndian
    let pointers: Set = [TIFFTag.exif, TIFFTag.gps, TIFFTag.interoperability]
    main = entries(first) { isWanted($0) && !pointers.contains($0) }
    if let gps = directory(TIFFTag.gps, of: first) { self.gps = entries(gps) { _ in true } }
    guard let exif = directory(TIFFTag.exif, of: first) else { return }
    self.exif = entries(exif) { !pointers.contains($0) }
    makerNotePlace = exif[TIFFTag.makerNote]?.valuePlace
    if let other = directory(TIFFTag.interoperability, of: exif) {
      interoperability = entries(other) { _ in true }
    }
  }

  var isEmpty: Bool { main.isEmpty && exif.isEmpty && gps.isEmpty && interoperability.isEmpty }

  subscript(tag: Int) -> TIFFEntry? { main.first { $0.tag == tag } }
}

extension TIFFEntry {
  /// nil for what only a place in the file gives a meaning to, and for numbers beyond 32 bits.
  init?(_ field: TIFFField, _ bytes: some ByteCollection, bigEndian: Bool) {
    guard field.type != 13, field.type != 18, let value = bytes.part(field.valuePlace, field.size) else {
      return nil
    }
    (tag, type, count, self.value) = (field.tag, field.type, field.count, value)
    guard type == 16 || type == 17 else { return }
    guard type == 16 else { return nil }
    var longs: [UInt8] = []
    for index in 0..<count {
      guard let number = value.number(at: index * 8, size: 8, bigEndian: bigEndian), number <= UInt32.max
      else { return nil }
      longs += numberBytes(of: number, size: 4, bigEndian: bigEndian)
    }
    (type, self.value) = (4, longs)
  }

  init(_ tag: Int, shorts: [Int], bigEndian: Bool) {
    self.tag = tag
    (type, count) = (3, shorts.count)
    value = shorts.flatMap { numberBytes(of: $0, size: 2, bigEndian: bigEndian) }
  }

  /// Bytes that mean the same in either order.
  init(_ tag: Int, type: Int, bytes: [UInt8]) {
    self.tag = tag
    self.type = type
    count = bytes.count / (TIFFDirectory.size(ofType: type) ?? 1)
    value = bytes
  }

  /// A text without the zeros at its end.
  var text: String {
    String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
  }
}
