/// A field of a TIFF directory: its number, its type, its value in the order of the file.
struct TestField {
  var tag: Int
  var type: Int
  var value: [UInt8]

  var count: Int { value.count / [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8][type]! }

  static func text(_ tag: Int, _ text: String) -> TestField {
    TestField(tag: tag, type: 2, value: Array(text.utf8) + [0])
  }
}

/// Builds TIFF structures byte by byte.
struct TIFFBytes {
  var isBigEndian = false
  var isBigTIFF = false

  func number(_ value: Int, _ size: Int) -> [UInt8] {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return isBigEndian ? bytes.reversed() : bytes
  }

  func shorts(_ tag: Int, _ values: [Int]) -> TestField {
    TestField(tag: tag, type: 3, value: values.flatMap { number($0, 2) })
  }

  func long(_ tag: Int, _ value: Int) -> TestField { TestField(tag: tag, type: 4, value: number(value, 4)) }

  func doubles(_ tag: Int, _ values: [Double]) -> TestField {
    TestField(
      tag: tag, type: 12, value: values.flatMap { number(Int(truncatingIfNeeded: $0.bitPattern), 8) })
  }

  /// A directory with its values behind it, for a place in a file.
  func directory(_ fields: [TestField], at place: Int, next: Int = 0) -> [UInt8] {
    let (countSize, entrySize, word) = isBigTIFF ? (8, 20, 8) : (2, 12, 4)
    var bytes = number(fields.count, countSize)
    var values: [UInt8] = []
    let end = place + countSize + fields.count * entrySize + word
    for field in fields.sorted(by: { $0.tag < $1.tag }) {
      bytes += number(field.tag, 2) + number(field.type, 2) + number(field.count, word)
      if field.value.count <= word {
        bytes += field.value + [UInt8](repeating: 0, count: word - field.value.count)
      } else {
        bytes += number(end + values.count, word)
        values += field.value + (field.value.count % 2 == 0 ? [] : [0])
      }
    }
    return bytes + number(next, word) + values
  }

  var header: [UInt8] {
    let order = Array((isBigEndian ? "MM" : "II").utf8)
    return isBigTIFF
      ? order + number(43, 2) + number(8, 2) + number(0, 2) + number(16, 8)
      : order + number(42, 2) + number(8, 4)
  }

  /// A file of one uncompressed strip, and further directories that fields of the first point to.
  /// - Parameter samples: per pixel, of 8 or 16 bits.
  func file(
    _ width: Int, _ height: Int, samples: Int = 3, bits: Int = 8, pages: Int = 1, extra: [Int] = [],
    fields: [TestField] = [], pointers: [(tag: Int, fields: [TestField])] = []
  ) -> [UInt8] {
    var bytes = header
    let size = width * height * samples * bits / 8
    func fill(_ strip: Int, _ page: [TestField], _ places: [Int]) -> [TestField] {
      [
        long(256, width), long(257, height), shorts(258, [Int](repeating: bits, count: samples)),
        shorts(259, [1]), shorts(262, [samples < 3 ? 1 : 2]), long(273, strip), shorts(277, [samples]),
        long(278, height), long(279, size),
      ] + (extra.isEmpty ? [] : [shorts(338, extra)]) + page
        + zip(pointers, places).map { long($0.tag, $1) }
    }
    // The size of the first directory does not depend on what it says.
    let start = bytes.count
    var place = start + directory(fill(0, fields, pointers.map { _ in 0 }), at: start).count
    var rest: [UInt8] = []
    var places: [Int] = []
    for pointer in pointers {
      places.append(place + rest.count)
      rest += directory(pointer.fields, at: place + rest.count)
    }
    place += rest.count
    let pixels = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 31) }
    rest += pixels
    let second = pages > 1 ? place + size : 0
    bytes += directory(fill(place, fields, places), at: start, next: second) + rest
    if pages > 1 { bytes += directory(fill(place, [], []).dropLast(pointers.count), at: second) }
    return bytes
  }

  /// The fields of the directory at a place, or of the first; nil if something in it is not true.
  static func fields(_ bytes: [UInt8], at place: Int? = nil) -> [Int: TestField]? {
    guard bytes.count > 8 else { return nil }
    let isBigEndian = bytes[0] == UInt8(ascii: "M")
    func number(_ place: Int, _ size: Int) -> Int {
      guard place + size <= bytes.count else { return 0 }
      let part = bytes[place..<place + size]
      return (isBigEndian ? Array(part) : part.reversed()).reduce(0) { $0 << 8 | Int($1) }
    }
    let directory = place ?? number(4, 4)
    var found: [Int: TestField] = [:]
    var last = -1
    for index in 0..<number(directory, 2) {
      let entry = directory + 2 + 12 * index
      let (tag, type) = (number(entry, 2), number(entry + 2, 2))
      guard tag > last, let unit = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8][type] else { return nil }
      last = tag
      let size = number(entry + 4, 4) * unit
      let value = size <= 4 ? entry + 8 : number(entry + 8, 4)
      guard value + size <= bytes.count else { return nil }
      found[tag] = TestField(tag: tag, type: type, value: Array(bytes[value..<value + size]))
    }
    return found
  }
}

extension TestField {
  func number(bigEndian: Bool) -> Int {
    (bigEndian ? value : value.reversed()).reduce(0) { $0 << 8 | Int($1) }
  }

  func doubles(bigEndian: Bool) -> [Double] {
    stride(from: 0, to: value.count, by: 8).map { at in
      let part = value[at..<at + 8]
      return Double(
        bitPattern: (bigEndian ? Array(part) : part.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
  }
}
