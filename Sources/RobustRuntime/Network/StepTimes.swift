import Glibc

/// How long one step of a network takes, in seconds, forward and backward.
package struct StepTime: Sendable {
  /// A description such as "conv 3x3/2 64x56x56 -> 128x28x28 +relu".
  package var name: String
  /// Floating-point operations of the plain algorithm, in each direction; 0: hardly any.
  package var operations: Double
  package var forward = Double.infinity, backward = Double.infinity

  /// The time of so many of these steps.
  func repeated(_ count: Int) -> StepTime {
    let factor = Double(count)
    return StepTime(
      name: name, operations: operations * factor, forward: forward * factor, backward: backward * factor)
  }
}

extension Plan {
  /// Times each step of the network alone: the fastest of some passes.
  package func stepTimes(passes: Int) -> [StepTime] {
    let network = network
    var times = network.steps.enumerated().map { k, step in
      let (to, inputs) = (tensors[k + 1], step.inputs.map { tensors[$0].shape })
      return StepTime(
        name: "\(step.operation.title) \(inputs[0].text) -> \(to.shape.text)"
          + (inputs.count > 1 ? " +residual" : "")
          + (step.activation == .identity ? "" : " +\(step.activation)"),
        operations: 2 * Double(to.count * step.operation.productsPerOutput))
    }
    let count = images * network.normalization.mean.count * height * width
    let pixels = [Float](repeating: 0.5, count: count)
    for _ in 0..<passes {
      network.normalization.forward(pixels, to: tensors[0].value, of: tensors[0])
      for k in times.indices {
        let start = Plan.seconds
        operations[k].forward(network.steps[k].activation, scratch: scratch)
        times[k].forward = min(times[k].forward, Plan.seconds - start)
      }
      forgetGradients()
      tensors[logits].zeroGradient()
      for k in times.indices.reversed() {
        let start = Plan.seconds
        backward(step: k, passReLU: false)
        times[k].backward = min(times[k].backward, Plan.seconds - start)
      }
    }
    return times
  }

  /// The time of a clock that only goes forward.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
