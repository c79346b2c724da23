import CKernels

/// The mean over all positions of each channel of each image.
struct MeanPool: Operation {
  func outputShape(of inputs: [Shape]) -> Shape { Shape(channels: inputs[0].channels, height: 1, width: 1) }

  var backwardReadsInputs: Bool { false }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let input, output: Tensor
    let scratch = 0

    private var positions: Int { input.shape.height * input.shape.width }

    func forward(relu: Bool, scratch: Scratch) {
      let (from, to, positions) = (input.value, output.value, positions)
      Workers.shared.run(over: output.count, by: 64) { start, count in
        for i in start..<start + count {
          to[i] = Float(rt_sum(from + i * positions, positions) / Double(positions))
        }
        if relu { rt_relu(to + start, count) }
      }
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      let (from, to, positions) = (output.gradient, input.gradient, positions)
      Workers.shared.run(over: output.count, by: 64) { start, count in
        for i in start..<start + count {
          rt_add_constant(to + i * positions, from[i] / Float(positions), positions)
        }
      }
    }
  }
}
