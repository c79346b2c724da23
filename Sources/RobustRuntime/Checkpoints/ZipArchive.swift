/// The records of a zip archive (APPNOTE 6.3.10, with the zip64 extension) that lie in it as they are.
/// Nothing is unpacked, and the checksums, which PyTorch can be told to leave wrong, are not looked at.
struct ZipArchive {
  struct Problem: Error { let text: String }

  /// What the directory says of a record.
  struct Record {
    let name: String
    fileprivate let method: UInt16
    fileprivate let isEncrypted: Bool
    fileprivate let stored, size, header: UInt64
  }

  let records: [String: Record]
  private let bytes: UnsafeRawBufferPointer
  /// Where the directory begins, before which all records end.
  private let directory: Int

  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.begins(with: "PK\u{3}\u{4}") }

  /// Reads the directory.
  /// - Parameter most: records that it may have.
  /// - Throws: `Problem`
  init(_ bytes: UnsafeRawBufferPointer, most: Int = 100_000) throws(Problem) {
    let end = try ZipArchive.end(bytes, most: most)
    var records: [String: Record] = [:]
    var at = end.start
    for _ in 0..<end.count {
      let record: Record
      (record, at) = try ZipArchive.entry(bytes, at: at, before: end.start + end.size)
      guard records.updateValue(record, forKey: record.name) == nil else {
        throw Problem(text: "the record \(record.name.quoted) stands twice in the archive")
      }
    }
    (self.records, self.bytes, directory) = (records, bytes, end.start)
  }

  /// Where the directory lies, from the record at the end of the file.
  private static func end(
    _ bytes: UnsafeRawBufferPointer, most: Int
  ) throws(Problem) -> (start: Int, size: Int, count: Int) {
    let (fixed, longestComment) = (22, 65535)
    var at = bytes.count - fixed
    let first = max(at - longestComment, 0)
    // A signature inside the comment does not end with the file.
    while at >= first {
      if bytes.littleEndian(at, as: UInt32.self) == 0x0605_4B50,
        bytes.littleEndian(at + 20, as: UInt16.self).map({ at + fixed + Int($0) }) == bytes.count
      {
        break
      }
      at -= 1
    }
    guard at >= first, at >= 0, let disk: UInt16 = bytes.littleEndian(at + 4),
      let directoryDisk: UInt16 = bytes.littleEndian(at + 6),
      let shortCount: UInt16 = bytes.littleEndian(at + 10),
      let shortSize: UInt32 = bytes.littleEndian(at + 12),
      let shortStart: UInt32 = bytes.littleEndian(at + 16)
    else { throw Problem(text: "cut short: the archive has no directory at its end") }
    guard disk == directoryDisk, disk == 0 || disk == .max else {
      throw Problem(text: "the archive is one of several parts")
    }
    var (count, size, start) = (UInt64(shortCount), UInt64(shortSize), UInt64(shortStart))
    if shortCount == .max || shortSize == .max || shortStart == .max {
      guard at >= 20, bytes.littleEndian(at - 20, as: UInt32.self) == 0x0706_4B50,
        let place: UInt64 = bytes.littleEndian(at - 12), let long = Int(exactly: place),
        bytes.littleEndian(long, as: UInt32.self) == 0x0606_4B50, long <= bytes.count - 56,
        let longCount: UInt64 = bytes.littleEndian(long + 32),
        let longSize: UInt64 = bytes.littleEndian(long + 40),
        let longStart: UInt64 = bytes.littleEndian(long + 48)
      else { throw Problem(text: "the archive's zip64 record is not where it should be") }
      if shortCount == .max { count = longCount }
      if shortSize == .max { size = longSize }
      if shortStart == .max { start = longStart }
    }
    guard start <= UInt64(at), size <= UInt64(at) - start else {
      throw Problem(text: "the archive's directory does not lie within the file")
    }
    guard count <= UInt64(most), count <= size / 46 else {
      throw Problem(text: "the archive's directory cannot have \(count) records")
    }
    return (Int(start), Int(size), Int(count))
  }

  /// A record of the directory, and where the next one begins.
  private static func entry(
    _ bytes: UnsafeRawBufferPointer, at: Int, before end: Int
  ) throws(Problem) -> (Record, Int) {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    guard bytes.littleEndian(at, as: UInt32.self) == 0x0201_4B50,
      let flags: UInt16 = bytes.littleEndian(at + 8), let method: UInt16 = bytes.littleEndian(at + 10),
      let shortStored: UInt32 = bytes.littleEndian(at + 20),
      let shortSize: UInt32 = bytes.littleEndian(at + 24),
      let nameLength: UInt16 = bytes.littleEndian(at + 28),
      let extraLength: UInt16 = bytes.littleEndian(at + 30),
      let commentLength: UInt16 = bytes.littleEndian(at + 32),
      let shortHeader: UInt32 = bytes.littleEndian(at + 42),
      let nameBytes = bytes.part(at + 46, count: Int(nameLength)),
      let extra = bytes.part(at + 46 + Int(nameLength), count: Int(extraLength)),
      bytes.part(at + 46 + Int(nameLength) + Int(extraLength), count: Int(commentLength)) != nil
    else { throw Problem(text: "the archive's directory is damaged") }
    let name = String(decoding: nameBytes, as: UTF8.self)
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.isEmpty, parts.first != "", !parts.contains(".."), !name.contains("\\"), !name.contains("\0")
    else {
      throw Problem(text: "the archive has a record with the name \(name.quoted), which leads out of it")
    }

    var (size, stored, header) = (UInt64(shortSize), UInt64(shortStored), UInt64(shortHeader))
    if shortSize == .max || shortStored == .max || shortHeader == .max {
      var long = try zip64(extra, name)
      func next() throws(Problem) -> UInt64 {
        guard let number = long.popFirst() else {
          throw Problem(text: "the record \(name.quoted) lacks its zip64 sizes")
        }
        return number
      }
      if shortSize == .max { size = try next() }
      if shortStored == .max { stored = try next() }
      if shortHeader == .max { header = try next() }
    }
    let record = Record(
      name: name, method: method, isEncrypted: flags & 1 != 0, stored: stored, size: size, header: header)
    return (record, at + 46 + Int(nameLength) + Int(extraLength) + Int(commentLength))
  }

  /// The numbers of the zip64 field, which holds those that do not fit elsewhere.
  private static func zip64(
    _ extra: UnsafeRawBufferPointer, _ name: String
  ) throws(Problem) -> ArraySlice<UInt64> {
    var at = 0
    while let id: UInt16 = extra.littleEndian(at), let length: UInt16 = extra.littleEndian(at + 2) {
      guard let field = extra.part(at + 4, count: Int(length)) else { break }
      if id == 1 {
        return (0..<field.count / 8).map { field.littleEndian(8 * $0, as: UInt64.self)! }[...]
      }
      at += 4 + field.count
    }
    return []
  }

  /// Where the bytes of a record lie.
  /// - Throws: `Problem` if they are compressed or do not lie within the file.
  func place(of record: Record) throws(Problem) -> Range<Int> {
    let name = record.name.quoted
    guard !record.isEncrypted else { throw Problem(text: "the record \(name) is encrypted") }
    guard record.method == 0 else {
      throw Problem(
        text:
          "the record \(name) is compressed, which PyTorch never does; unpack the archive and zip it with -0")
    }
    guard record.stored == record.size else { throw Problem(text: "the record \(name) has two sizes") }
    let before = UnsafeRawBufferPointer(rebasing: bytes[..<directory])
    guard let header = Int(exactly: record.header), let size = Int(exactly: record.size),
      header <= before.count, before.littleEndian(header, as: UInt32.self) == 0x0403_4B50,
      let nameLength: UInt16 = before.littleEndian(header + 26),
      let extraLength: UInt16 = before.littleEndian(header + 28),
      let ownName = before.part(header + 30, count: Int(nameLength)),
      String(decoding: ownName, as: UTF8.self) == record.name,
      before.part(header + 30 + Int(nameLength) + Int(extraLength), count: size) != nil
    else { throw Problem(text: "the record \(name) does not lie where the archive's directory says") }
    let first = header + 30 + Int(nameLength) + Int(extraLength)
    return first..<first + size
  }
}
