/// [C, H, W] → [C·H·W, 1, 1], in this order.
struct Flatten: Operation {
  func outputShape(of inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels * inputs[0].height * inputs[0].width, height: 1, width: 1)
  }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      let (from, to) = (input.value, output.value)
      for k in 0..<output.blocks * output.blockStride { to[k] = 0 }
      eachValue { to[$1] = from[$0] }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      let (to, from) = (input.gradient, output.gradient)
      eachValue { to[$0] += from[$1] }
    }

    @inline(__always)
    private func eachValue(_ body: (_ from: Int, _ to: Int) -> Void) {
      let (lanes, images) = (Tensor.blockSize, input.images)
      let area = input.positions / images
      for c in 0..<input.shape.channels {
        for p in 0..<area {
          let (k, from) = (c * area + p, c / lanes * input.blockStride + c % lanes)
          let to = k / lanes * output.blockStride + k % lanes
          for n in 0..<images { body(from + (n * area + p) * lanes, to + n * lanes) }
        }
      }
    }
  }
}
