import CKernels

/// A tensor in the element type of its file, of which parts are converted when they are needed.
package struct StoredTensor: Sendable {
  /// Only bytes that last are shared with the file.
  private enum Storage: Sendable {
    case copy([UInt8])
    case shared(LastingBytes, Range<Int>)
  }

  package let type: ElementType
  package let count: Int
  private let storage: Storage
  /// How the elements lie in the storage; nil: in row-major order without gaps.
  private let view: StridedView?

  /// A tensor whose elements lie in row-major order without gaps.
  /// - Parameter owner: whose bytes, if it is there, these are; else they are copied.
  init(type: ElementType, bytes: UnsafeRawBufferPointer, of owner: LastingBytes?) {
    (self.type, count, view) = (type, bytes.count / type.size, nil)
    guard let owner, let start = owner.bytes.baseAddress, let first = bytes.baseAddress else {
      storage = .copy([UInt8](bytes))
      return
    }
    storage = .shared(owner, first - start..<first - start + bytes.count)
  }

  /// A tensor that is a view of a storage.
  /// - Parameter bytes: of the whole storage.
  /// - Parameter owner: whose bytes, if it is there, these are; else those of the tensor are copied.
  /// - Precondition: the view was made for a storage of so many elements.
  init(type: ElementType, view: StridedView, storage bytes: UnsafeRawBufferPointer, of owner: LastingBytes?) {
    let used = UnsafeRawBufferPointer(
      rebasing: bytes[view.extent.lowerBound * type.size..<view.extent.upperBound * type.size])
    (self.type, count) = (type, view.count)
    let isContiguous = view.isContiguous
    if let owner, let start = owner.bytes.baseAddress, let first = used.baseAddress {
      storage = .shared(owner, first - start..<first - start + used.count)
      self.view = isContiguous ? nil : view
    } else {
      storage = .copy(isContiguous ? [UInt8](used) : view.gathered(used, size: type.size, 0..<view.count))
      self.view = nil
    }
  }

  /// A tensor of values that do not lie as such in a file.
  package init(_ values: [Float]) {
    (type, count, view) = (.float, values.count, nil)
    storage = .copy(values.withUnsafeBytes { [UInt8]($0) })
  }

  /// - Precondition: the range is within the tensor.
  package func values(_ range: Range<Int>) -> [Float] {
    switch storage {
    case .copy(let bytes): return bytes.withUnsafeBytes { type.floats($0, range) }
    case .shared(let owner, let part):
      let bytes = UnsafeRawBufferPointer(rebasing: owner.bytes[part])
      guard let view else { return type.floats(bytes, range) }
      return view.gathered(bytes, size: type.size, range).withUnsafeBytes {
        type.floats($0, 0..<range.count)
      }
    }
  }

  /// Calls `body` with all values. Their memory is then given back where the file can be read again.
  package func withValues<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    guard case .shared(let owner, let part) = storage else {
      return try values(0..<count).withUnsafeBufferPointer(body)
    }
    let bytes = UnsafeRawBufferPointer(rebasing: owner.bytes[part])
    defer { owner.release(bytes) }
    let isAligned = Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0
    if type == .float && isAligned && view == nil {
      return try bytes.withMemoryRebound(to: Float.self, body)
    }
    return try values(0..<count).withUnsafeBufferPointer(body)
  }

  /// Whether no value is NaN or infinite as a float. The memory is then given back as by `withValues`.
  func isFinite() -> Bool {
    if case .shared(let owner, let part) = storage {
      defer { owner.release(UnsafeRawBufferPointer(rebasing: owner.bytes[part])) }
      return piecesAreFinite()
    }
    return piecesAreFinite()
  }

  private func piecesAreFinite() -> Bool {
    let piece = 1 << 14
    for first in stride(from: 0, to: count, by: piece) {
      let values = values(first..<min(first + piece, count))
      guard rt_all_finite(values, values.count) else { return false }
    }
    return true
  }
}
