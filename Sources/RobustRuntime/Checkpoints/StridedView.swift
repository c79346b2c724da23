/// How the elements of a tensor lie in a storage that may be larger, in another order, or shared: the element
/// at (i, j, ...) is that at offset + i strides[0] + j strides[1] + ...
package struct StridedView: Sendable, Equatable {
  package let shape: [Int]
  /// In elements; 0 repeats.
  package let strides: [Int]
  /// The elements of the storage from the first to the last that are used.
  package let extent: Range<Int>
  /// The product of the shape.
  package let count: Int

  /// Nil: a number is negative or too large, or an element would lie outside of the storage.
  package init?(shape: [Int], strides: [Int], offset: Int, storage size: Int) {
    guard shape.count == strides.count, offset >= 0, size >= 0, strides.allSatisfy({ $0 >= 0 }),
      let count = TensorFacts.count(of: shape)
    else { return nil }
    var last = offset
    if count > 0 {
      for (extent, stride) in zip(shape, strides) {
        let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        let (sum, carry) = last.addingReportingOverflow(reach)
        guard !overflow, !carry else { return nil }
        last = sum
      }
      guard last < size else { return nil }
      extent = offset..<last + 1
    } else {
      extent = 0..<0
    }
    (self.shape, self.strides, self.count) = (shape, strides, count)
  }

  /// Whether the elements lie in row-major order without gaps.
  package var isContiguous: Bool {
    if count == 0 { return true }
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      guard stride == expected else { return false }
      expected *= extent
    }
    return true
  }

  /// The bytes of some elements, which are counted in row-major order.
  /// - Parameter bytes: those of `extent`.
  /// - Parameter size: of an element: 1, 2, 4 or 8.
  func gathered(_ bytes: UnsafeRawBufferPointer, size: Int, _ range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count && extent.count * size <= bytes.count)
    switch size {
    case 1: return gathered(bytes, UInt8.self, range)
    case 2: return gathered(bytes, UInt16.self, range)
    case 4: return gathered(bytes, UInt32.self, range)
    default: return gathered(bytes, UInt64.self, range)
    }
  }

  private func gathered<Element: BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _: Element.Type, _ range: Range<Int>
  ) -> [UInt8] {
    let size = MemoryLayout<Element>.size
    return [UInt8](unsafeUninitializedCapacity: range.count * size) { out, count in
      count = range.count * size
      guard count > 0, let out = UnsafeMutableRawPointer(out.baseAddress), let source = bytes.baseAddress
      else { return }
      var index = [Int](repeating: 0, count: shape.count)
      var (rest, at) = (range.lowerBound, 0)
      for axis in shape.indices.reversed() {
        index[axis] = rest % shape[axis]
        rest /= shape[axis]
        at += index[axis] * strides[axis]
      }
      let last = shape.count - 1
      var done = 0
      while done < range.count {
        // A row of the last axis.
        let row = last < 0 ? 1 : min(shape[last] - index[last], range.count - done)
        let step = last < 0 ? 0 : strides[last]
        for i in 0..<row {
          let element = source.loadUnaligned(fromByteOffset: (at + i * step) * size, as: Element.self)
          out.storeBytes(of: element, toByteOffset: (done + i) * size, as: Element.self)
        }
        done += row
        guard done < range.count else { break }
        at -= index[last] * step
        index[last] = 0
        var axis = last - 1
        while axis >= 0 {
          index[axis] += 1
          at += strides[axis]
          if index[axis] < shape[axis] { break }
          at -= index[axis] * strides[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }
}
