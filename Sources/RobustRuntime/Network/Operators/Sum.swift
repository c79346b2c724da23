import CKernels

/// The sum of all inputs; with one input, a copy (which a ReLU may then clip).
struct Sum: Operation {
  func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(inputs: inputs, output: output)
  }

  private struct Bound: BoundOperation {
    let inputs: [Tensor]
    let output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      let out = output.value
      Workers.shared.run(over: output.floats) { start, count in
        rt_copy(out + start, inputs[0].value + start, count)
        for other in inputs.dropFirst() { rt_add(out + start, other.value + start, count) }
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      for input in inputs { input.addGradient(output.gradient) }
    }
  }
}
