/// A tensor that does not depend on the image: as it lies in the file, or computed. Weights are only read when they are
/// needed.
struct Constant {
  /// Elements that lie in a file or in memory.
  struct Elements {
    let type: ElementType
    let bytes: UnsafeRawBufferPointer
    /// The owner of the bytes, if they last.
    let owner: LastingBytes?
  }

  private enum Storage {
    /// The view has the shape of the constant.
    case elements(Elements, StridedView)
    /// In row-major order.
    case values([Double])
  }

  let shape: [Int]
  let type: ElementType
  private let storage: Storage

  var count: Int { shape.reduce(1, *) }
  var rank: Int { shape.count }
  var isInteger: Bool { !type.isReal }

  /// - Precondition: the elements are as many as the shape says.
  init(shape: [Int], _ elements: Elements) {
    var strides = [Int](repeating: 1, count: shape.count)
    if !shape.contains(0) {
      for axis in strides.indices.dropLast().reversed() {
        strides[axis] = strides[axis + 1] * shape[axis + 1]
      }
    }
    let view = StridedView(
      shape: shape, strides: strides, offset: 0, storage: elements.bytes.count / elements.type.size)!
    (self.shape, type, storage) = (shape, elements.type, .elements(elements, view))
  }

  /// - Precondition: the values are as many as the shape says.
  init(shape: [Int], type: ElementType, values: [Double]) {
    precondition(values.count == shape.reduce(1, *))
    (self.shape, self.type, storage) = (shape, type, .values(values))
  }

  private init(_ elements: Elements, _ view: StridedView) {
    (shape, type, storage) = (view.shape, elements.type, .elements(elements, view))
  }

  /// Integers in one dimension, as of a shape.
  init(integers: [Int]) {
    self.init(shape: [integers.count], type: .int64, values: integers.map(Double.init))
  }

  /// All values in row-major order.
  var values: [Double] {
    switch storage {
    case .values(let values): return values
    case .elements(let elements, let view):
      let bytes = UnsafeRawBufferPointer(
        rebasing: elements.bytes[
          view.extent.lowerBound * type.size..<view.extent.upperBound * type.size])
      if view.isContiguous { return type.doubles(bytes, count: view.count) }
      return view.gathered(bytes, size: type.size, 0..<view.count).withUnsafeBytes {
        type.doubles($0, count: view.count)
      }
    }
  }

  /// The constant in the type in which it lies.
  var stored: StoredTensor {
    switch storage {
    case .values(let values): StoredTensor(values.map { Float($0) })
    case .elements(let elements, let view):
      StoredTensor(type: type, view: view, storage: elements.bytes, of: elements.owner)
    }
  }

  /// The same values under another shape of as many elements, without reading them; nil: that is not possible.
  func reshaped(_ shape: [Int]) -> Constant? {
    switch storage {
    case .values(let values): return Constant(shape: shape, type: type, values: values)
    case .elements(let elements, let view):
      guard view.isContiguous else { return nil }
      let part = elements.bytes[
        view.extent.lowerBound * type.size..<view.extent.upperBound * type.size]
      return Constant(
        shape: shape,
        Elements(type: type, bytes: UnsafeRawBufferPointer(rebasing: part), owner: elements.owner))
    }
  }

  /// This constant with two dimensions of one more, without reading the values; nil: they were computed.
  func withTrailingOnes() -> Constant? {
    guard case .elements(let elements, let view) = storage,
      let longer = StridedView(
        shape: view.shape + [1, 1], strides: view.strides + [1, 1], offset: view.extent.lowerBound,
        storage: elements.bytes.count / type.size)
    else { return nil }
    return Constant(elements, longer)
  }

  /// The dimensions in another order, without reading the values; nil: they were computed.
  func transposed(_ order: [Int]) -> Constant? {
    guard case .elements(let elements, let view) = storage else { return nil }
    guard
      let view = StridedView(
        shape: order.map { view.shape[$0] }, strides: order.map { view.strides[$0] },
        offset: view.extent.lowerBound, storage: elements.bytes.count / type.size)
    else { return nil }
    return Constant(elements, view)
  }
}

extension ElementType {
  /// Elements, which need not be aligned, without loss; integers of 64 bits are rounded to 53.
  fileprivate func doubles(_ bytes: UnsafeRawBufferPointer, count: Int) -> [Double] {
    func loaded<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> [Double] {
      var values: [Double] = []
      values.reserveCapacity(count)
      for i in 0..<count {
        let number = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Number>.size, as: Number.self)
        values.append(Double(Number(littleEndian: number)))
      }
      return values
    }
    switch self {
    case .int64: return loaded(Int64.self)
    case .uint64: return loaded(UInt64.self)
    case .int32: return loaded(Int32.self)
    case .uint32: return loaded(UInt32.self)
    case .double:
      return (0..<count).map {
        Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)))
      }
    default: return floats(bytes, 0..<count).map { Double($0) }
    }
  }
}

/// How many values may be computed before the network runs: a limit of memory and time for files of a few bytes that
/// ask for many.
final class FoldingBudget {
  private var left: Int

  init(_ count: Int) { left = count }

  /// Allows for as many values more.
  func add(_ count: Int) { left += count }

  /// - Throws: `ImportProblem`
  func take(_ count: Int) throws {
    guard count >= 0, count <= left else { throw ImportProblem("asks for constants that are too large") }
    left -= count
  }
}

/// What is wrong with a node; whoever catches it knows which one it is.
struct ImportProblem: Error {
  let text: String
  init(_ text: String) { self.text = text }
}
