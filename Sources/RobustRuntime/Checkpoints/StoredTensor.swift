import CKernels

/// A tensor in the element type of its file, of which parts are converted when they are needed.
struct StoredTensor: Sendable {
  /// Only bytes that last are shared with the file.
  private enum Storage: Sendable {
    case copy([UInt8])
    case shared(LastingBytes, Range<Int>)
  }

  let type: SafeTensors.ElementType
  let count: Int
  private let storage: Storage

  /// - Parameter owner: whose bytes, if it is there, these are.
  init(type: SafeTensors.ElementType, bytes: UnsafeRawBufferPointer, of owner: LastingBytes?) {
    (self.type, count) = (type, bytes.count / type.size)
    guard let owner, let start = owner.bytes.baseAddress, let first = bytes.baseAddress else {
      storage = .copy([UInt8](bytes))
      return
    }
    storage = .shared(owner, first - start..<first - start + bytes.count)
  }

  /// - Precondition: the range is within the tensor, and the type holds real numbers.
  func values(_ range: Range<Int>) -> [Float] {
    switch storage {
    case .copy(let bytes): bytes.withUnsafeBytes { type.floats($0, range) }
    case .shared(let owner, let part):
      type.floats(UnsafeRawBufferPointer(rebasing: owner.bytes[part]), range)
    }
  }

  /// Calls `body` with all values. Their memory is then given back where the file can be read again.
  func withValues<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
    guard case .shared(let owner, let part) = storage else {
      return try values(0..<count).withUnsafeBufferPointer(body)
    }
    let bytes = UnsafeRawBufferPointer(rebasing: owner.bytes[part])
    defer { owner.release(bytes) }
    let isAligned = Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0
    if type == .float && isAligned { return try bytes.withMemoryRebound(to: Float.self, body) }
    return try type.floats(bytes, 0..<count).withUnsafeBufferPointer(body)
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
