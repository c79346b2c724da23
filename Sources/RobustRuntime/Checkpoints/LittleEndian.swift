extension UnsafeRawBufferPointer {
  /// The number at an offset, which need not be aligned; nil: it does not lie within the bytes.
  func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as _: Number.Type = Number.self
  ) -> Number? {
    guard offset >= 0, offset <= count, count - offset >= MemoryLayout<Number>.size else { return nil }
    return Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
  }

  /// The bytes from an offset on; nil: they do not lie within these.
  func part(_ offset: Int, count wanted: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, wanted >= 0, offset <= count, count - offset >= wanted else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[offset..<offset + wanted])
  }

  func begins(with text: StaticString) -> Bool {
    count >= text.utf8CodeUnitCount
      && (0..<text.utf8CodeUnitCount).allSatisfy { self[$0] == text.utf8Start[$0] }
  }
}
