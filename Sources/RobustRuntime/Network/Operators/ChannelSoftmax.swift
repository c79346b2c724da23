import CKernels

/// e^x[c] over its sum of the channels at each position.
struct ChannelSoftmax: Operation {
  func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }

  /// The output is computed once more from it.
  func backwardReads(input: Int, training: Bool) -> Bool { true }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let input, output: Tensor
    /// [C/16][run][16]
    var scratch: Int { output.blocks * Bound.run * Tensor.blockSize }
    private static let run = 1 << 4

    func forward(_ activation: Activation, scratch: Scratch) {
      let channels = output.shape.channels
      output.eachRunOfPositions { at, count in
        rt_softmax(
          output.value + at, output.blockStride, input.value + at, output.blockStride, channels, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      let (add, channels, stride) = (input.hasGradient, output.shape.channels, Bound.run * Tensor.blockSize)
      let runs = (output.positions + Bound.run - 1) / Bound.run
      Workers.shared.run(runs) { run, worker in
        let at = run * stride
        let count = min(Bound.run, output.positions - run * Bound.run)
        rt_softmax(scratch[worker], stride, input.value + at, output.blockStride, channels, count)
        rt_softmax_gradient(
          input.gradient + at, output.gradient + at, output.blockStride, scratch[worker], stride, channels,
          add, count)
      }
      (input.hasGradient, input.gradientIsMasked) = (true, false)
    }
  }
}
