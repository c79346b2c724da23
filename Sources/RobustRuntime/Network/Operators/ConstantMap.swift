import CKernels

/// A map that is added to every image's, such as a position embedding.
package struct ConstantMap: Operation {
  package let shape: Shape
  /// [channel][row][column]
  package let values: [Float]
  /// Whether it is interpolated for maps of another size, by bicubic interpolation between the positions' centres; else
  /// the network takes images of one size.
  package let isInterpolated: Bool

  package init(shape: Shape, values: [Float], isInterpolated: Bool = false) {
    precondition(values.count == shape.channels * shape.height * shape.width)
    (self.shape, self.values, self.isInterpolated) = (shape, values, isInterpolated)
  }

  package func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }
  var title: String { "constant" }

  /// The values for maps of a size, [channel][row][column].
  package func values(height: Int, width: Int) -> [Float] {
    if (height, width) == (shape.height, shape.width) { return values }
    let (rows, columns) = (cubicTaps(height, of: shape.height), cubicTaps(width, of: shape.width))
    var out: [Float] = []
    out.reserveCapacity(shape.channels * height * width)
    for channel in 0..<shape.channels {
      for row in rows {
        for column in columns {
          var sum: Float = 0
          for (y, v) in row {
            var line: Float = 0
            for (x, w) in column { line += w * values[(channel * shape.height + y) * shape.width + x] }
            sum += v * line
          }
          out.append(sum)
        }
      }
    }
    return out
  }

  /// For each of `count` places the four of `extent` that it lies between, with weights: the cubic convolution of Keys
  /// with a = −0.75, as PyTorch has it; what lies outside is the outermost.
  private func cubicTaps(_ count: Int, of extent: Int) -> [[(Int, Float)]] {
    func weight(_ distance: Double) -> Double {
      let (d, a) = (abs(distance), -0.75)
      if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0
    }
    return (0..<count).map { k in
      let at = (Double(k) + 0.5) * Double(extent) / Double(count) - 0.5
      let first = Int(at.rounded(.down)) - 1
      return (first..<first + 4).map {
        (min(max($0, 0), extent - 1), Float(weight(at - Double($0))))
      }
    }
  }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (shape, stride) = (output.shape, output.blockStride)
    let constant = try FloatBlock(count: output.floats)
    rt_fill(constant.base, 0, output.floats)
    let values = values(height: shape.height, width: shape.width)
    let area = shape.height * shape.width
    for n in 0..<output.images {
      for c in 0..<shape.channels {
        let to =
          constant.base + c / Tensor.blockSize * stride + n * area * Tensor.blockSize + c % Tensor.blockSize
        for p in 0..<area { to[p * Tensor.blockSize] = values[c * area + p] }
      }
    }
    return Bound(constant: constant, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    /// [C/16][N·H·W + 1][16]
    let constant: FloatBlock
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      Workers.shared.run(over: output.floats) { start, count in
        rt_copy(output.value + start, input.value + start, count)
        rt_add(output.value + start, constant.base + start, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) { input.addGradient(output.gradient) }
  }
}
