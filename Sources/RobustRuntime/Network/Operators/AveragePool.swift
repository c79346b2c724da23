import CKernels

/// The mean of each window.
package struct AveragePool: Operation {
  package let window: PoolWindow
  /// Whether the zeros of the padding count as positions of a mean.
  package let countsPadding: Bool

  package init(_ window: PoolWindow, countsPadding: Bool) {
    (self.window, self.countsPadding) = (window, countsPadding)
  }

  package func outputShape(of inputs: [Shape]) -> Shape { window.outputShape(of: inputs[0]) }
  var title: String { "mean \(window.height)x\(window.width)/\(window.strideY)" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (w, from, to) = (window, inputs[0].shape, output.shape)
    return BoundAveragePool(
      rows: spans(to.height, of: from.height, w.height, w.strideY, w.padding.top, w.padding.bottom),
      columns: spans(to.width, of: from.width, w.width, w.strideX, w.padding.left, w.padding.right),
      input: inputs[0], output: output)
  }

  /// What each of `count` windows covers of `extent`.
  private func spans(
    _ count: Int, of extent: Int, _ size: Int, _ stride: Int, _ before: Int, _ after: Int
  ) -> [rt_span] {
    (0..<count).map { k in
      let start = k * stride - before
      let (first, end) = (max(start, 0), min(start + size, extent))
      let counted = countsPadding ? min(start + size, extent + after) - start : end - first
      return rt_span(first: Int32(first), end: Int32(end), share: 1 / Float(max(counted, 1)))
    }
  }
}

/// Means over windows that cut a map of any size into so many rows and columns: row i covers i·H/rows, rounded down, to
/// (i + 1)·H/rows, rounded up.
struct AdaptiveAveragePool: Operation {
  let rows, columns: Int

  func outputShape(of inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels, height: rows, width: columns)
  }
  var title: String { "mean of \(rows)x\(columns) parts" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    BoundAveragePool(
      rows: spans(rows, of: inputs[0].shape.height), columns: spans(columns, of: inputs[0].shape.width),
      input: inputs[0], output: output)
  }

  private func spans(_ count: Int, of extent: Int) -> [rt_span] {
    (0..<count).map { k in
      let (first, end) = (k * extent / count, ((k + 1) * extent + count - 1) / count)
      return rt_span(first: Int32(first), end: Int32(end), share: 1 / Float(end - first))
    }
  }
}

private struct BoundAveragePool: BoundOperation {
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
    // The spans say all that there is to say of the windows.
    let pool = PoolWindow(size: 1, stride: 1).pool(
      images: output.images, from: input.shape, to: output.shape)
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
