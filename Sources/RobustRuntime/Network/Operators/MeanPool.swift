import CKernels

/// The mean over all positions of each channel of each image.
struct MeanPool: Operation {
  func outputShape(of inputs: [Shape]) -> Shape { Shape(channels: inputs[0].channels, height: 1, width: 1) }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachMap { map, mean, area in rt_mean_pool(output.value + mean, input.value + map, area) }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      eachMap { map, mean, area in rt_mean_pool_gradient(input.gradient + map, output.gradient + mean, area) }
    }

    /// Where the maps of a block of channels of an image and their means begin.
    private func eachMap(_ body: (_ map: Int, _ mean: Int, _ area: Int) -> Void) {
      let (images, area) = (input.images, input.shape.height * input.shape.width)
      Workers.shared.run(input.blocks) { block, _ in
        for n in 0..<images {
          body(
            block * input.blockStride + n * area * Tensor.blockSize,
            block * output.blockStride + n * Tensor.blockSize, area)
        }
      }
    }
  }
}
