import CKernels

/// softmax(scale · qᵀk) v for each head (Vaswani et al., arXiv 1706.03762): queries, keys and values are maps of
/// heads · depth channels, each head's side by side, and tokens are positions.
package struct Attention: Operation {
  package let heads: Int
  package let scale: Float

  package init(heads: Int, scale: Float) { (self.heads, self.scale) = (heads, scale) }

  package func outputShape(of inputs: [Shape]) -> Shape {
    Shape(channels: inputs[2].channels, height: inputs[0].height, width: inputs[0].width)
  }
  func backwardReads(input: Int, training: Bool) -> Bool { true }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    BoundAttention(
      attention: self, queries: inputs[0], keys: inputs[1], values: inputs[2], output: output,
      gradient: gradient)
  }
}

/// Works on one head of one image at a time, whose matrices are copied out of the maps into rows. The weights of the
/// tokens are computed once more for the gradient, so that none are kept.
private struct BoundAttention: BoundOperation {
  let attention: Attention
  let queries, keys, values, output: Tensor
  let gradient: Bool

  private var images: Int { output.images }
  /// Tokens of the queries and of the keys.
  private var rows: Int { queries.positions / images }
  private var columns: Int { keys.positions / images }
  /// Channels of a head.
  private var depth: Int { queries.shape.channels / attention.heads }
  private var valueDepth: Int { values.shape.channels / attention.heads }

  private static func whole(_ count: Int) -> Int {
    (count + Tensor.blockSize - 1) / Tensor.blockSize * Tensor.blockSize
  }

  /// Matrices of one head in scratch memory, rows being filled up to whole vectors.
  private struct Matrices {
    let stride, transposedStride: Int
    let q, k, v: UnsafeMutablePointer<Float>
    /// Its rows are channels.
    let transposed: UnsafeMutablePointer<Float>
    let weights, weightGradient: UnsafeMutablePointer<Float>
    let out: UnsafeMutablePointer<Float>
  }

  private var widest: Int { BoundAttention.whole(max(depth, valueDepth)) }

  var scratch: Int {
    let tokens = max(rows, columns)
    let squares = rows * BoundAttention.whole(columns) * (gradient ? 2 : 1)
    return 4 * tokens * widest + widest * BoundAttention.whole(columns) + squares
  }

  private func matrices(_ base: UnsafeMutablePointer<Float>) -> Matrices {
    let (map, square) = (max(rows, columns) * widest, rows * BoundAttention.whole(columns))
    let transposed = base + 4 * map
    let weights = transposed + widest * BoundAttention.whole(columns)
    return Matrices(
      stride: widest, transposedStride: BoundAttention.whole(columns), q: base, k: base + map,
      v: base + 2 * map, transposed: transposed, weights: weights, weightGradient: weights + square,
      out: base + 3 * map)
  }

  func forward(_ activation: Activation, scratch: Scratch) {
    // No head writes what fills up the last block.
    if output.shape.channels % Tensor.blockSize != 0 {
      rt_fill(output.value + (output.blocks - 1) * output.blockStride, 0, output.blockStride)
    }
    eachHead(scratch) { n, head, m in
      read(queries, queries.value, n, head, depth, rows: m.q, m.stride)
      weigh(n, head, m)
      read(values, values.value, n, head, valueDepth, rows: m.v, m.stride)
      rt_multiply_matrices(
        m.out, m.stride, rt_matrix(values: m.weights, row: m.transposedStride, column: 1), m.v, m.stride,
        rows, BoundAttention.whole(valueDepth), columns, 1)
      write(m.out, m.stride, to: output, output.value, n, head, valueDepth, add: false)
    }
    output.apply(activation)
  }

  /// Computes the weights of the tokens from queries that have been read.
  private func weigh(_ n: Int, _ head: Int, _ m: Matrices) {
    readTransposed(keys, keys.value, n, head, depth, m)
    rt_multiply_matrices(
      m.weights, m.transposedStride, rt_matrix(values: m.q, row: m.stride, column: 1), m.transposed,
      m.transposedStride, rows, m.transposedStride, depth, attention.scale)
    rt_softmax_rows(m.weights, m.transposedStride, columns, rows)
  }

  func backward(maskInput: Bool, scratch: Scratch) {
    // One map may be two of the inputs, so all gradients are added to.
    for input in [queries, keys, values] where !input.hasGradient { input.zeroGradient() }
    eachHead(scratch) { n, head, m in
      read(queries, queries.value, n, head, depth, rows: m.q, m.stride)
      weigh(n, head, m)
      read(output, output.gradient, n, head, valueDepth, rows: m.out, m.stride)
      // By the values: weightsᵀ g.
      let byRows = rt_matrix(values: m.weights, row: m.transposedStride, column: 1)
      let byColumns = rt_matrix(values: m.weights, row: 1, column: m.transposedStride)
      rt_multiply_matrices(
        m.v, m.stride, byColumns, m.out, m.stride, columns, BoundAttention.whole(valueDepth), rows, 1)
      write(m.v, m.stride, to: values, values.gradient, n, head, valueDepth, add: true)
      // By the products of queries and keys: weights (g vᵀ − their sum).
      readTransposed(values, values.value, n, head, valueDepth, m)
      rt_multiply_matrices(
        m.weightGradient, m.transposedStride, rt_matrix(values: m.out, row: m.stride, column: 1),
        m.transposed, m.transposedStride, rows, m.transposedStride, valueDepth, 1)
      rt_softmax_rows_gradient(m.weightGradient, m.weights, m.transposedStride, rows)
      rt_copy(m.weights, m.weightGradient, rows * m.transposedStride)
      // By the queries: times the keys; by the keys: transposed, times the queries.
      read(keys, keys.value, n, head, depth, rows: m.k, m.stride)
      rt_multiply_matrices(
        m.out, m.stride, byRows, m.k, m.stride, rows, BoundAttention.whole(depth), columns, attention.scale)
      write(m.out, m.stride, to: queries, queries.gradient, n, head, depth, add: true)
      rt_multiply_matrices(
        m.out, m.stride, byColumns, m.q, m.stride, columns, BoundAttention.whole(depth), rows,
        attention.scale)
      write(m.out, m.stride, to: keys, keys.gradient, n, head, depth, add: true)
    }
    for input in [queries, keys, values] { input.gradientIsMasked = false }
  }

  /// Heads share blocks of channels where their depth is no multiple of 16: those are worked on by one task.
  private func eachHead(_ scratch: Scratch, _ body: (_ n: Int, _ head: Int, Matrices) -> Void) {
    let isWhole = depth % Tensor.blockSize == 0 && valueDepth % Tensor.blockSize == 0
    let together = isWhole ? 1 : attention.heads
    let tasks = attention.heads / together
    Workers.shared.run(images * tasks) { task, worker in
      let m = matrices(scratch[worker])
      let (n, first) = task.quotientAndRemainder(dividingBy: tasks)
      for head in first * together..<(first + 1) * together { body(n, head, m) }
    }
  }

  /// Where a channel of a head lies at the image's first position.
  private func offset(_ map: Tensor, _ n: Int, _ channel: Int) -> Int {
    channel / Tensor.blockSize * map.blockStride + n * (map.positions / images) * Tensor.blockSize
      + channel % Tensor.blockSize
  }

  /// Copies a head's channels of a map: rows [token][stride], filled up with zeros.
  private func read(
    _ map: Tensor, _ numbers: UnsafePointer<Float>, _ n: Int, _ head: Int, _ depth: Int,
    rows: UnsafeMutablePointer<Float>, _ stride: Int
  ) {
    let (tokens, lanes) = (map.positions / images, Tensor.blockSize)
    for d in Swift.stride(from: 0, to: BoundAttention.whole(depth), by: lanes) {
      let channel = head * depth + d
      let from = numbers + offset(map, n, channel)
      if channel % lanes == 0 && d + lanes <= depth {
        for t in 0..<tokens { rt_copy(rows + t * stride + d, from + t * lanes, lanes) }
        continue
      }
      for lane in 0..<lanes {
        let isChannel = d + lane < depth
        let from = numbers + (isChannel ? offset(map, n, channel + lane) : 0)
        for t in 0..<tokens { rows[t * stride + d + lane] = isChannel ? from[t * lanes] : 0 }
      }
    }
  }

  /// Copies a head's channels of keys or values to `m.transposed`: [channel][tokens, filled up with zeros].
  private func readTransposed(
    _ map: Tensor, _ numbers: UnsafePointer<Float>, _ n: Int, _ head: Int, _ depth: Int, _ m: Matrices
  ) {
    let (tokens, lanes) = (map.positions / images, Tensor.blockSize)
    let channel = head * depth
    for d in Swift.stride(from: 0, to: depth, by: lanes) where (channel + d) % lanes == 0 {
      rt_blocked_to_planar(
        m.transposed + d * m.transposedStride, m.transposedStride, numbers + offset(map, n, channel + d),
        Int32(min(lanes, depth - d)), tokens, nil)
    }
    for d in 0..<depth {
      let to = m.transposed + d * m.transposedStride
      if (channel + d / lanes * lanes) % lanes != 0 {
        let from = numbers + offset(map, n, channel + d)
        for t in 0..<tokens { to[t] = from[t * lanes] }
      }
      for t in tokens..<m.transposedStride { to[t] = 0 }
    }
  }

  /// The reverse of `read`.
  private func write(
    _ rows: UnsafePointer<Float>, _ stride: Int, to map: Tensor, _ numbers: UnsafeMutablePointer<Float>,
    _ n: Int, _ head: Int, _ depth: Int, add: Bool
  ) {
    let (tokens, lanes) = (map.positions / images, Tensor.blockSize)
    for d in Swift.stride(from: 0, to: depth, by: lanes) {
      let channel = head * depth + d
      if channel % lanes == 0 && d + lanes <= depth {
        let to = numbers + offset(map, n, channel)
        for t in 0..<tokens {
          if add {
            rt_add(to + t * lanes, rows + t * stride + d, lanes)
          } else {
            rt_copy(to + t * lanes, rows + t * stride + d, lanes)
          }
        }
        continue
      }
      for lane in 0..<min(lanes, depth - d) {
        let to = numbers + offset(map, n, channel + lane)
        for t in 0..<tokens {
          let value = rows[t * stride + d + lane]
          to[t * lanes] = add ? to[t * lanes] + value : value
        }
      }
    }
  }
}
