import CKernels

/// The largest value of each window; nothing outside the map is seen.
package struct MaxPool: Operation {
  package let window: PoolWindow

  package init(_ window: PoolWindow) { self.window = window }

  /// A square window.
  package init(size: Int, stride: Int, pad: Int) { window = PoolWindow(size: size, stride: stride, pad: pad) }

  package func outputShape(of inputs: [Shape]) -> Shape { window.outputShape(of: inputs[0]) }

  func backwardReads(input: Int, training: Bool) -> Bool { true }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(pool: self, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let pool: MaxPool
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      let (from, to) = (input.shape, output.shape)
      Workers.shared.run(output.blocks) { block, _ in
        rt_max_pool(
          output.value + block * output.blockStride, input.value + block * input.blockStride, input.images,
          Int32(from.height), Int32(from.width), Int32(to.height),
          Int32(to.width), Int32(pool.size), Int32(pool.stride), Int32(pool.pad))
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      let (from, to) = (input.shape, output.shape)
      Workers.shared.run(output.blocks) { block, _ in
        rt_max_pool_gradient(
          input.gradient + block * input.blockStride, output.gradient + block * output.blockStride,
          input.value + block * input.blockStride, input.images, Int32(from.height), Int32(from.width),
          Int32(to.height),
          Int32(to.width), Int32(pool.size), Int32(pool.stride), Int32(pool.pad))
      }
    }
  }
}
