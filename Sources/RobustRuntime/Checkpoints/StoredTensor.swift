import CKernels

/// A tensor in the element type of its file, of which parts are converted when they are needed.
struct StoredTensor: Sendable {
  let type: SafeTensors.ElementType
  private let bytes: [UInt8]

  init(type: SafeTensors.ElementType, bytes: [UInt8]) { (self.type, self.bytes) = (type, bytes) }

  /// - Precondition: the range is within the tensor, and the type holds real numbers.
  func values(_ range: Range<Int>) -> [Float] {
    bytes.withUnsafeBytes { type.floats($0, range) }
  }
}

extension SafeTensors.ElementType {
  var isReal: Bool {
    switch self {
    case .half, .bfloat, .float, .double: true
    default: false
    }
  }

  /// Some elements of a tensor as floats.
  /// - Precondition: `isReal`, and the range is within the bytes.
  func floats(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Float] {
    precondition(isReal && range.lowerBound >= 0 && range.upperBound * size <= bytes.count)
    return [Float](unsafeUninitializedCapacity: range.count) { out, count in
      count = range.count
      guard count > 0, let out = out.baseAddress, let source = bytes.baseAddress else { return }
      let from = source + range.lowerBound * size
      switch self {
      case .half: rt_from_half(out, from, count)
      case .bfloat: rt_from_bfloat(out, from, count)
      case .double: rt_from_double(out, from, count)
      default: UnsafeMutableRawPointer(out).copyMemory(from: from, byteCount: count * size)
      }
    }
  }
}
