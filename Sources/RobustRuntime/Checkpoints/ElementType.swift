import CKernels

/// The type of a tensor's elements, under the names of safetensors.
package enum ElementType: String, Sendable, CaseIterable {
  case half = "F16"
  case bfloat = "BF16"
  case float = "F32"
  case double = "F64"
  /// Without infinities; "fnuz" is without a negative zero as well.
  case float8e4m3 = "F8_E4M3"
  case float8e4m3fnuz = "F8_E4M3FNUZ"
  case float8e5m2 = "F8_E5M2"
  case float8e5m2fnuz = "F8_E5M2FNUZ"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes of an element.
  package var size: Int {
    switch self {
    case .double, .int64, .uint64: 8
    case .float, .int32, .uint32: 4
    case .half, .bfloat, .int16, .uint16: 2
    case .float8e4m3, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .int8, .uint8, .bool: 1
    }
  }

  /// Whether the elements are floating-point numbers, as weights are; counters and masks are not.
  package var isReal: Bool {
    switch self {
    case .half, .bfloat, .float, .double: true
    case .float8e4m3, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz: true
    default: false
    }
  }

  /// Some elements of a tensor, which need not be aligned, as floats.
  /// - Precondition: the range is within the bytes.
  package func floats(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Float] {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count / size)
    return [Float](unsafeUninitializedCapacity: range.count) { out, count in
      count = range.count
      guard count > 0, let out = out.baseAddress, let source = bytes.baseAddress else { return }
      let from = source + range.lowerBound * size
      switch self {
      case .half: rt_from_half(out, from, count)
      case .bfloat: rt_from_bfloat(out, from, count)
      case .double: rt_from_double(out, from, count)
      case .float: UnsafeMutableRawPointer(out).copyMemory(from: from, byteCount: count * size)
      case .float8e4m3: look(up: SmallFloats.e4m3, from, out, count)
      case .float8e4m3fnuz: look(up: SmallFloats.e4m3fnuz, from, out, count)
      case .float8e5m2: look(up: SmallFloats.e5m2, from, out, count)
      case .float8e5m2fnuz: look(up: SmallFloats.e5m2fnuz, from, out, count)
      case .int64: convert(Int64.self, from, out, count)
      case .int32: convert(Int32.self, from, out, count)
      case .int16: convert(Int16.self, from, out, count)
      case .int8: convert(Int8.self, from, out, count)
      case .uint64: convert(UInt64.self, from, out, count)
      case .uint32: convert(UInt32.self, from, out, count)
      case .uint16: convert(UInt16.self, from, out, count)
      case .uint8: convert(UInt8.self, from, out, count)
      case .bool: for i in 0..<count { out[i] = from.load(fromByteOffset: i, as: UInt8.self) == 0 ? 0 : 1 }
      }
    }
  }

  private func convert<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type, _ from: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    for i in 0..<count {
      let number = from.loadUnaligned(fromByteOffset: i * MemoryLayout<Number>.size, as: Number.self)
      out[i] = Float(Number(littleEndian: number))
    }
  }

  private func look(
    up table: [Float], _ from: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    for i in 0..<count { out[i] = table[Int(from.load(fromByteOffset: i, as: UInt8.self))] }
  }
}

/// The 256 numbers of each format of eight bits (Micikevicius et al., arXiv 2209.05433; Noune et al., arXiv
/// 2206.02915).
private enum SmallFloats {
  static let e4m3 = table(fraction: 3, bias: 7) { $0 & 0x7F == 0x7F ? .nan : nil }
  static let e4m3fnuz = table(fraction: 3, bias: 8) { $0 == 0x80 ? .nan : nil }
  static let e5m2 = table(fraction: 2, bias: 15) { code in
    guard code & 0x7C == 0x7C else { return nil }
    return code & 3 != 0 ? .nan : code & 0x80 == 0 ? .infinity : -.infinity
  }
  static let e5m2fnuz = table(fraction: 2, bias: 16) { $0 == 0x80 ? .nan : nil }

  /// - Parameter special: what a code stands for that is no number; nil: it is one.
  private static func table(fraction bits: Int, bias: Int, special: (Int) -> Float?) -> [Float] {
    (0..<256).map { code in
      if let value = special(code) { return value }
      let exponent = (code & 0x7F) >> bits
      let fraction = Float(code & (1 << bits - 1)) / Float(1 << bits)
      let leading: Float = exponent == 0 ? 0 : 1
      let magnitude =
        (leading + fraction) * Float(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
      return code & 0x80 == 0 ? magnitude : -magnitude
    }
  }
}
