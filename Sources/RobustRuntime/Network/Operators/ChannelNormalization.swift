import CKernels

/// weight[c] · (x[c] − m) / √(v + epsilon) + bias[c], m and v being the mean and the variance of the channels at a
/// position: layer normalisation (Ba et al., arXiv 1607.06450) of tokens, or of each position of a map.
package struct ChannelNormalization: Operation {
  package let weight, bias: [Float]
  package let epsilon: Float

  package init(weight: [Float], bias: [Float], epsilon: Float) {
    precondition(weight.count == bias.count)
    (self.weight, self.bias, self.epsilon) = (weight, bias, epsilon)
  }

  package func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }
  func backwardReads(input: Int, training: Bool) -> Bool { true }
  var title: String { "layer norm" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(
      weight: output.shape.filled(weight), bias: output.shape.filled(bias), epsilon: epsilon,
      input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let weight, bias: [Float]
    let epsilon: Float
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      output.eachRunOfPositions { at, count in
        rt_channel_norm(
          output.value + at, input.value + at, output.blockStride, output.shape.channels, weight, bias,
          epsilon, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      let add = input.hasGradient
      output.eachRunOfPositions { at, count in
        rt_channel_norm_gradient(
          input.gradient + at, output.gradient + at, input.value + at, output.blockStride,
          output.shape.channels, weight, epsilon, add, count)
      }
      (input.hasGradient, input.gradientIsMasked) = (true, false)
    }
  }
}

extension Tensor {
  /// Calls `body` with runs of positions: where the first lies in each block of channels, in floats.
  func eachRunOfPositions(_ body: (_ at: Int, _ count: Int) -> Void) {
    Workers.shared.run(over: positions, by: 1 << 6) { start, count in body(start * Tensor.blockSize, count) }
  }
}
