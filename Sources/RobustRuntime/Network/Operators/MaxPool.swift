import CKernels

/// The largest value of each window; nothing outside the map is seen.
package struct MaxPool: Operation {
  package let window: PoolWindow

  package init(_ window: PoolWindow) { self.window = window }

  /// A square window.
  package init(size: Int, stride: Int, pad: Int) {
    window = PoolWindow(size: size, stride: stride, pad: pad)
  }

  package func outputShape(of inputs: [Shape]) -> Shape { window.outputShape(of: inputs[0]) }

  func backwardReads(input: Int, training: Bool) -> Bool { true }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(
      pool: window.pool(images: output.images, from: inputs[0].shape, to: output.shape), input: inputs[0],
      output: output)
  }

  private struct Bound: BoundOperation {
    let pool: rt_pool
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      Workers.shared.run(output.blocks) { block, _ in
        withUnsafePointer(to: pool) {
          rt_max_pool(output.value + block * output.blockStride, input.value + block * input.blockStride, $0)
        }
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      Workers.shared.run(output.blocks) { block, _ in
        withUnsafePointer(to: pool) {
          rt_max_pool_gradient(
            input.gradient + block * input.blockStride, output.gradient + block * output.blockStride,
            input.value + block * input.blockStride, $0)
        }
      }
    }
  }
}
