import CKernels

/// An activation of its own, where it is not the ReLU of the step before it.
struct Pointwise: Operation {
  let activation: Activation

  func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }
  func backwardReads(input: Int, training: Bool) -> Bool { true }
  var title: String { "\(activation)" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(kind: activation.kernel, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let kind: (rt_activation, slope: Float)
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachRun { start, count in
        rt_activate(kind.0, kind.slope, output.value + start, input.value + start, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      let add = input.hasGradient
      eachRun { start, count in
        rt_activation_gradient(
          kind.0, kind.slope, input.gradient + start, output.gradient + start, input.value + start, add, count
        )
      }
      (input.hasGradient, input.gradientIsMasked) = (true, false)
    }

    private func eachRun(_ body: (_ start: Int, _ vectors: Int) -> Void) {
      Workers.shared.run(over: output.floats / Tensor.blockSize, by: 1 << 10) { start, count in
        body(start * Tensor.blockSize, count)
      }
    }
  }
}

extension Activation {
  /// - Precondition: it is neither the identity nor a ReLU, with or without a ceiling: steps take those in.
  fileprivate var kernel: (rt_activation, slope: Float) {
    switch self {
    case .silu: (RT_SILU, 0)
    case .gelu: (RT_GELU, 0)
    case .geluTanh: (RT_GELU_TANH, 0)
    case .sigmoid: (RT_SIGMOID, 0)
    case .hardSigmoid: (RT_HARD_SIGMOID, 0)
    case .hardSwish: (RT_HARD_SWISH, 0)
    case .tanh: (RT_TANH, 0)
    case .leakyReLU(let slope): (RT_LEAKY_RELU, slope)
    case .identity, .relu, .relu6: preconditionFailure("steps take it in")
    }
  }
}
