import CKernels

/// The product of two maps with the same channels; the second may have one position, which gates all of the first.
struct Product: Operation {
  func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }
  func backwardReads(input: Int, training: Bool) -> Bool { true }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let isGate = inputs[1].shape != inputs[0].shape
    if isGate { return Gate(map: inputs[0], gate: inputs[1], output: output) }
    return Elementwise(a: inputs[0], b: inputs[1], output: output)
  }

  private struct Elementwise: BoundOperation {
    let a, b, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      Workers.shared.run(over: output.floats) { start, count in
        rt_product(output.value + start, a.value + start, b.value + start, false, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      add(to: a, times: b)
      add(to: b, times: a)
    }

    private func add(to input: Tensor, times other: Tensor) {
      let add = input.hasGradient
      Workers.shared.run(over: output.floats) { start, count in
        rt_product(input.gradient + start, output.gradient + start, other.value + start, add, count)
      }
      (input.hasGradient, input.gradientIsMasked) = (true, false)
    }
  }

  private struct Gate: BoundOperation {
    let map, gate, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachMap { at, gateAt, area in
        rt_gate(output.value + at, map.value + at, gate.value + gateAt, false, area)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !gate.hasGradient { gate.zeroGradient() }
      let add = map.hasGradient
      eachMap { at, gateAt, area in
        rt_add_products(gate.gradient + gateAt, output.gradient + at, map.value + at, area)
        rt_gate(map.gradient + at, output.gradient + at, gate.value + gateAt, add, area)
      }
      (map.hasGradient, map.gradientIsMasked, gate.gradientIsMasked) = (true, false, false)
    }

    private func eachMap(_ body: (_ at: Int, _ gateAt: Int, _ area: Int) -> Void) {
      let (images, area) = (map.images, map.positions / map.images)
      Workers.shared.run(map.blocks * images) { k, _ in
        let (block, n) = k.quotientAndRemainder(dividingBy: images)
        body(
          block * map.blockStride + n * area * Tensor.blockSize,
          block * gate.blockStride + n * Tensor.blockSize, area)
      }
    }
  }
}
