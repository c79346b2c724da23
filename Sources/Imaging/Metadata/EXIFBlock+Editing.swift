extension EXIFBlock {
  /// The text of a field of the first directory.
  func text(_ tag: Int) -> String? {
    guard let field = main?[tag], field.type == 2 || field.type == 1 else { return nil }
    return guessedText(bytes[field.range].prefix { $0 != 0 })
  }

  /// Writes a text over one that is not shorter.
  mutating func shorten(_ tag: Int, to text: String) {
    let value = Array(text.utf8) + [0]
    guard let field = main?[tag], field.size > 4, (5...field.size).contains(value.count) else { return }
    bytes.set(value.count, at: field.place + 4, size: 4, bigEndian: isBigEndian)
    bytes.replaceSubrange(
      field.range, with: value + [UInt8](repeating: 0, count: field.size - value.count))
  }

  /// Takes a field out of the first directory; nothing else moves but the fields after it.
  mutating func remove(_ tag: Int) {
    // Whoever has it more often is hostile.
    for _ in 0..<16 {
      guard let main, let field = main[tag] else { return }
      if field.size > 4 {
        bytes.replaceSubrange(field.range, with: [UInt8](repeating: 0, count: field.size))
      }
      let end = min(main.nextPlace + 4, bytes.count)
      let rest = Array(bytes[field.place + 12..<end])
      bytes.replaceSubrange(field.place..<end, with: rest + [UInt8](repeating: 0, count: 12))
      let count = bytes.number(at: main.place, size: 2, bigEndian: isBigEndian) ?? 1
      bytes.set(count - 1, at: main.place, size: 2, bigEndian: isBigEndian)
      // A directory without fields is none.
      if self.main?.fields.count == main.fields.count { return }
    }
  }

  /// The numbers of a field of the first directory.
  func doubles(_ tag: Int) -> [Double]? {
    guard let field = main?[tag], field.type == 12 else { return nil }
    return (0..<field.count).map { index in
      let value = bytes[(field.valuePlace + 8 * index)..<(field.valuePlace + 8 * index + 8)]
      let bits = (isBigEndian ? Array(value) : value.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Double(bitPattern: bits)
    }
  }

  /// Writes as many numbers over those of a field.
  mutating func set(_ tag: Int, _ values: [Double]) {
    guard let field = main?[tag], field.type == 12, field.count == values.count else { return }
    for (index, value) in values.enumerated() {
      let bits = (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
      let place = field.valuePlace + 8 * index
      bytes.replaceSubrange(place..<place + 8, with: isBigEndian ? bits.reversed() : bits)
    }
  }

  func numbers(_ tag: Int) -> [Int] {
    guard let field = main?[tag] else { return [] }
    return (0..<min(field.count, 65536)).compactMap { bytes.number(field, $0, bigEndian: isBigEndian) }
  }
}
