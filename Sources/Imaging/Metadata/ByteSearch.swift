extension RandomAccessCollection where Element == UInt8, Index == Int {
  /// Where a text first occurs.
  func first(of text: String) -> Range<Int>? { first(of: Array(text.utf8)) }

  /// Where bytes first occur.
  func first(of wanted: [UInt8]) -> Range<Int>? {
    guard let head = wanted.first, count >= wanted.count else { return nil }
    let found = withContiguousStorageIfAvailable { bytes -> Int? in
      var at = 0
      while at + wanted.count <= bytes.count {
        if bytes[at] == head, bytes[at..<at + wanted.count].elementsEqual(wanted) { return at }
        at += 1
      }
      return nil
    }
    guard let offset = found ?? nil else { return nil }
    return startIndex + offset..<startIndex + offset + wanted.count
  }

  /// Where a text last begins.
  func last(of text: String) -> Int? {
    let wanted = Array(text.utf8)
    guard count >= wanted.count else { return nil }
    return stride(from: endIndex - wanted.count, through: startIndex, by: -1).first { at in
      self[at..<at + wanted.count].elementsEqual(wanted)
    }
  }
}
