/// Why bytes are not a message of protocol buffers.
struct ProtobufError: Error, Equatable {
  let problem: String
  let offset: Int
}

/// The fields of one message in the wire format of protocol buffers, in the order in which they lie. A field within a
/// message is given as a range of bytes, so that nothing nests here. (https://protobuf.dev/programming-guides/encoding)
struct ProtobufFields {
  enum Value: Equatable {
    case varint(UInt64)
    case fixed64(UInt64)
    /// A string, a message, or packed numbers.
    case bytes(Range<Int>)
    case fixed32(UInt32)
  }

  struct Field: Equatable {
    let number: Int
    let value: Value
    /// Where the field begins.
    let offset: Int
  }

  private let bytes: UnsafeRawBufferPointer
  private(set) var at: Int
  private let end: Int

  /// - Precondition: the range is within the bytes.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    (self.bytes, at, end) = (bytes, range.lowerBound, range.upperBound)
  }

  /// Nil: there is no further field.
  /// - Throws: `ProtobufError`
  mutating func next() throws -> Field? {
    guard at < end else { return nil }
    let offset = at
    let tag = try varint()
    guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw failure("a field's number is out of range", offset) }
    let value: Value
    switch tag & 7 {
    case 0: value = .varint(try varint())
    case 1: value = .fixed64(try fixed(UInt64.self))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - at) else {
        throw failure("a field of \(length) bytes is longer than what is left", offset)
      }
      value = .bytes(at..<at + Int(length))
      at += Int(length)
    case 5: value = .fixed32(try fixed(UInt32.self))
    default: throw failure("a field is of the unknown kind \(tag & 7)", offset)
    }
    return Field(number: Int(tag >> 3), value: value, offset: offset)
  }

  /// The next of numbers that follow each other.
  /// - Throws: `ProtobufError`
  mutating func packedVarint() throws -> UInt64? { at < end ? try varint() : nil }

  private mutating func varint() throws -> UInt64 {
    let offset = at
    var (value, shift) = (0 as UInt64, 0 as UInt64)
    while at < end {
      let byte = UInt64(bytes[at])
      at += 1
      // The tenth byte holds the last of 64 bits.
      guard shift < 63 || byte <= 1 else { throw failure("a number has more than 64 bits", offset) }
      value |= (byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw failure("a number does not end", offset)
  }

  private mutating func fixed<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type
  ) throws -> Number {
    let size = MemoryLayout<Number>.size
    guard end - at >= size else { throw failure("a number is cut short", at) }
    defer { at += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Number.self))
  }

  private func failure(_ problem: String, _ offset: Int) -> ProtobufError {
    ProtobufError(problem: problem, offset: offset)
  }
}
