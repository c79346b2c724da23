/// Bytes of a file or of a part of it, counted from 0, which nothing in them is trusted about: what would lie
/// outside is nil.
protocol ByteCollection: RandomAccessCollection where Element == UInt8, Index == Int {}

extension Array: ByteCollection where Element == UInt8 {}
extension UnsafeRawBufferPointer: ByteCollection {}

extension ByteCollection {
  /// An unsigned number of `size` bytes, 1 to 8; nil also where it is larger than Int.
  func number(at place: Int, size: Int, bigEndian: Bool) -> Int? {
    guard place >= 0, place <= count - size else { return nil }
    var value: UInt64 = 0
    for i in 0..<size { value = value << 8 | UInt64(self[place + (bigEndian ? i : size - 1 - i)]) }
    return Int(exactly: value)
  }

  /// A copy of a part.
  func part(_ place: Int, _ size: Int) -> [UInt8]? {
    guard place >= 0, size >= 0, place <= count, size <= count - place else { return nil }
    return Array(self[place..<place + size])
  }

  func has(_ text: String, at place: Int) -> Bool {
    guard place >= 0, place <= count else { return false }
    return self[place...].starts(with: text.utf8)
  }

  func has(_ bytes: [UInt8], at place: Int) -> Bool {
    guard place >= 0, place <= count else { return false }
    return self[place...].starts(with: bytes)
  }
}

/// A number as so many bytes.
func numberBytes(of value: Int, size: Int, bigEndian: Bool) -> [UInt8] {
  let places = bigEndian ? Array((0..<size).reversed()) : Array(0..<size)
  return places.map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

extension [UInt8] {
  /// Writes a number over what is there; the place must lie inside.
  mutating func set(_ value: Int, at place: Int, size: Int, bigEndian: Bool) {
    replaceSubrange(
      place..<place + size, with: numberBytes(of: value, size: size, bigEndian: bigEndian))
  }
}
