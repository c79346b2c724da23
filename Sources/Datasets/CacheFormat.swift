import Glibc

// A cache file: the header, the pixels of all photos, the index. Numbers are little-endian. The index is one
// record of 64 bytes for each photo, then the lengths of all texts (classes, problems), 4 bytes each, then
// the texts: classes, problems, names.

/// The first bytes of a cache file, written last.
struct CacheHeader {
  static let length = 96
  private static let magic = Array("rtool photos 1\n\0".utf8)

  var photos: Int
  var classes: Int
  var problems: Int
  /// Where the pixels end and the index begins, and where that ends.
  var indexStart: Int
  var length: Int
  /// Pixels of the shorter side of photos that were larger.
  var side: Int
  /// FNV-1a of the index.
  var indexHash: UInt64

  var bytes: [UInt8] {
    let numbers = [photos, classes, problems, indexStart, length, side].map { UInt64($0) } + [indexHash]
    let bytes = Self.magic + numbers.flatMap(littleEndian)
    return bytes + [UInt8](repeating: 0, count: Self.length - bytes.count)
  }

  init(
    photos: Int, classes: Int, problems: Int, indexStart: Int, length: Int, side: Int, indexHash: UInt64
  ) {
    (self.photos, self.classes, self.problems) = (photos, classes, problems)
    (self.indexStart, self.length, self.side, self.indexHash) = (indexStart, length, side, indexHash)
  }

  /// nil where these are no such bytes, or numbers in them cannot be.
  init?(_ file: UnsafeRawBufferPointer) {
    guard file.count >= Self.length, file.prefix(Self.magic.count).elementsEqual(Self.magic) else {
      return nil
    }
    func number(_ index: Int) -> UInt64 { file.number(at: Self.magic.count + 8 * index) }
    let numbers = (0..<6).map { Int(exactly: number($0)) ?? -1 }
    guard numbers.allSatisfy({ $0 >= 0 }) else { return nil }
    self.init(
      photos: numbers[0], classes: numbers[1], problems: numbers[2], indexStart: numbers[3],
      length: numbers[4],
      side: numbers[5], indexHash: number(6))
    // Each count is bounded before it is multiplied with anything.
    guard length == file.count, indexStart >= Self.length, indexStart <= length else { return nil }
    let room = length - indexStart
    guard photos <= room / 64, classes <= room / 4, problems <= room / 4 else { return nil }
    guard 64 * photos + 4 * (classes + problems) <= room else { return nil }
  }
}

/// The index of a cache, checked: every photo lies inside of the pixels, and every class exists.
struct CacheIndex {
  let classes: [String]
  let problems: [String]
  let records: [PhotoRecord]

  init(classes: [String], problems: [String], records: [PhotoRecord]) {
    (self.classes, self.problems, self.records) = (classes, problems, records)
  }

  var bytes: [UInt8] {
    var out: [UInt8] = []
    for record in records {
      out += littleEndian(UInt64(record.offset))
      out += littleEndian(record.digest.high) + littleEndian(record.digest.low)
      out += littleEndian(record.perceptualHash)
      for number in [
        record.width, record.height, record.originalWidth, record.originalHeight, record.classIndex,
        record.name.utf8.count,
      ] { out += littleEndian(UInt32(number)) }
      out += [UInt8](repeating: 0, count: 8)
    }
    let texts = classes + problems
    for text in texts { out += littleEndian(UInt32(text.utf8.count)) }
    for text in texts { out += Array(text.utf8) }
    for record in records { out += Array(record.name.utf8) }
    return out
  }

  /// nil where the file is not one that was written whole.
  init?(_ file: UnsafeRawBufferPointer, _ header: CacheHeader) {
    let index = UnsafeRawBufferPointer(rebasing: file[header.indexStart...])
    var hash = FNV()
    hash.add(index)
    guard hash.value == header.indexHash else { return nil }
    let lengths = 64 * header.photos
    var at = lengths + 4 * (header.classes + header.problems)
    func text(_ length: Int) -> String? {
      guard length <= index.count - at else { return nil }
      defer { at += length }
      return String(decoding: index[at..<at + length], as: UTF8.self)
    }
    var texts: [String] = []
    for i in 0..<header.classes + header.problems {
      guard let text = text(Int(index.number(at: lengths + 4 * i) as UInt32)) else { return nil }
      texts.append(text)
    }
    classes = Array(texts[..<header.classes])
    problems = Array(texts[header.classes...])
    var records: [PhotoRecord] = []
    records.reserveCapacity(header.photos)
    for i in 0..<header.photos {
      func long(_ number: Int) -> UInt64 { index.number(at: 64 * i + 8 * number) }
      func short(_ number: Int) -> Int { Int(index.number(at: 64 * i + 32 + 4 * number) as UInt32) }
      guard let offset = Int(exactly: long(0)), let name = text(short(5)) else { return nil }
      let record = PhotoRecord(
        name: name, classIndex: short(4), width: short(0), height: short(1), originalWidth: short(2),
        originalHeight: short(3), digest: Digest(high: long(1), low: long(2)), perceptualHash: long(3),
        offset: offset)
      guard record.isInside(header) else { return nil }
      records.append(record)
    }
    self.records = records
  }
}

extension PhotoRecord {
  fileprivate func isInside(_ header: CacheHeader) -> Bool {
    let most = 1 << 24
    guard 1...most ~= width, 1...most ~= height, classIndex < header.classes else { return false }
    return offset >= CacheHeader.length && offset <= header.indexStart
      && byteCount <= header.indexStart - offset
  }
}

private func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

extension UnsafeRawBufferPointer {
  fileprivate func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
    Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}
