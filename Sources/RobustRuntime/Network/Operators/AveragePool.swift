import CKernels

/// Means over parts of a map.
package struct AveragePool: Operation {
  package enum Parts: Sendable, Equatable {
    /// Those that a window covers. Zeros of the padding may count as positions of a mean.
    case windows(PoolWindow, countsPadding: Bool)
    /// Windows that cut a map of any size into so many rows and columns: row i covers i·H/rows, rounded down, to
    /// (i + 1)·H/rows, rounded up.
    case grid(rows: Int, columns: Int)
  }

  package let parts: Parts

  package init(_ parts: Parts) { self.parts = parts }

  package func outputShape(of inputs: [Shape]) -> Shape {
    switch parts {
    case .windows(let window, _): window.outputShape(of: inputs[0])
    case .grid(let rows, let columns): Shape(channels: inputs[0].channels, height: rows, width: columns)
    }
  }

  /// What each row, or column, of the output covers of `extent`.
  private func spans(_ count: Int, of extent: Int, isRow: Bool) -> [rt_span] {
    (0..<count).map { k in
      switch parts {
      case .grid:
        let (first, end) = (k * extent / count, ((k + 1) * extent + count - 1) / count)
        return rt_span(first: Int32(first), end: Int32(end), share: 1 / Float(end - first))
      case .windows(let w, let countsPadding):
        let (size, stride) = isRow ? (w.height, w.strideY) : (w.width, w.strideX)
        let (before, after) =
          isRow ? (w.padding.top, w.padding.bottom) : (w.padding.left, w.padding.right)
        let start = k * stride - before
        let (first, end) = (max(start, 0), min(start + size, extent))
        let counted = countsPadding ? min(start + size, extent + after) - start : end - first
        return rt_span(first: Int32(first), end: Int32(end), share: 1 / Float(max(counted, 1)))
      }
    }
  }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (from, to) = (inputs[0].shape, output.shape)
    // The spans say all of the windows that the kernels need.
    let pool = PoolWindow(size: 1, stride: 1).pool(images: output.images, from: from, to: to)
    return Bound(
      pool: pool, rows: spans(to.height, of: from.height, isRow: true),
      columns: spans(to.width, of: from.width, isRow: false), input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let pool: rt_pool
    let rows, columns: [rt_span]
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachBlock { into, from, pool, rows, columns in
        rt_average_pool(output.value + into, input.value + from, pool, rows, columns)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      eachBlock { into, from, pool, rows, columns in
        rt_average_pool_gradient(input.gradient + from, output.gradient + into, pool, rows, columns)
      }
    }

    private func eachBlock(
      _ body: (
        _ into: Int, _ from: Int, UnsafePointer<rt_pool>, UnsafePointer<rt_span>, UnsafePointer<rt_span>
      ) -> Void
    ) {
      rows.withUnsafeBufferPointer { rows in
        columns.withUnsafeBufferPointer { columns in
          Workers.shared.run(output.blocks) { block, _ in
            withUnsafePointer(to: pool) {
              body(
                block * output.blockStride, block * input.blockStride, $0, rows.baseAddress!,
                columns.baseAddress!)
            }
          }
        }
      }
    }
  }
}
