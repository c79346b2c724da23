/// Where an AVIF or HEIC file says where an item of it is: numbers in its box `iloc` (ISO 14496-12, 8.11.3).
struct HEIFItemLocation {
  private let base: Int
  private let offsetPlace: Int, offsetSize: Int
  private let lengthPlace: Int, lengthSize: Int

  /// nil where there is no item of this type that lies in one piece in the file.
  init?(of type: String, in file: UnsafeRawBufferPointer) {
    // The children of `meta` come after its version.
    guard let meta = box("meta", in: file, 0..<file.count), meta.count > 4,
      let info = box("iinf", in: file, meta.dropFirst(4)),
      let location = box("iloc", in: file, meta.dropFirst(4)), let id = item(type, in: file, info)
    else { return nil }
    self.init(item: id, file, location)
  }

  private init?(item: Int, _ file: UnsafeRawBufferPointer, _ range: Range<Int>) {
    var at = range.lowerBound
    func peek(_ size: Int) -> Int? {
      if size == 0 { return 0 }
      return at + size <= range.upperBound ? file.number(at: at, size: size, bigEndian: true) : nil
    }
    func next(_ size: Int) -> Int? {
      defer { at += size }
      return peek(size)
    }
    guard let version = next(1), version <= 2, next(3) != nil, let sizes = next(1), let more = next(1),
      let count = next(version < 2 ? 2 : 4)
    else { return nil }
    let (offsetSize, lengthSize, baseSize) = (sizes >> 4, sizes & 15, more >> 4)
    let indexSize = version == 0 ? 0 : more & 15
    guard [offsetSize, lengthSize, baseSize, indexSize].allSatisfy({ [0, 4, 8].contains($0) }) else {
      return nil
    }
    for _ in 0..<count {
      guard let id = next(version < 2 ? 2 : 4), let method = next(version == 0 ? 0 : 2), next(2) != nil,
        let base = next(baseSize), let extents = next(2)
      else { return nil }
      if id == item {
        guard method & 15 == 0, extents == 1, next(indexSize) != nil, offsetSize > 0, lengthSize > 0,
          peek(offsetSize + lengthSize > 8 ? 8 : offsetSize + lengthSize) != nil,
          at + offsetSize + lengthSize <= range.upperBound
        else { return nil }
        self.base = base
        (offsetPlace, self.offsetSize) = (at, offsetSize)
        (lengthPlace, self.lengthSize) = (at + offsetSize, lengthSize)
        return
      }
      at += extents * (indexSize + offsetSize + lengthSize)
    }
    return nil
  }

  /// Says that the item is elsewhere; false: the numbers have no room.
  func set(_ place: Int, _ length: Int, in file: UnsafeMutableRawBufferPointer) -> Bool {
    let offset = place - base
    guard offset >= 0, offsetSize == 8 || offset <= UInt32.max, length <= UInt32.max else { return false }
    file[offsetPlace..<offsetPlace + offsetSize].copyBytes(
      from: numberBytes(of: offset, size: offsetSize, bigEndian: true))
    file[lengthPlace..<lengthPlace + lengthSize].copyBytes(
      from: numberBytes(of: length, size: lengthSize, bigEndian: true))
    return true
  }
}

/// What is in the first box of a type, or nil.
private func box(_ type: String, in file: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int>? {
  ISOBox.all(in: file, range).first { $0.type == type }?.data
}

/// The number of the first item of a type.
private func item(_ type: String, in file: UnsafeRawBufferPointer, _ info: Range<Int>) -> Int? {
  guard let version = file.number(at: info.lowerBound, size: 1, bigEndian: true) else { return nil }
  let first = info.lowerBound + (version == 0 ? 6 : 8)
  guard first <= info.upperBound else { return nil }
  for entry in ISOBox.all(in: file, first..<info.upperBound).filter({ $0.type == "infe" }).map(\.data) {
    let idSize = file.number(at: entry.lowerBound, size: 1, bigEndian: true) == 2 ? 2 : 4
    if file.has(type, at: entry.lowerBound + 4 + idSize + 2) {
      return file.number(at: entry.lowerBound + 4, size: idSize, bigEndian: true)
    }
  }
  return nil
}
