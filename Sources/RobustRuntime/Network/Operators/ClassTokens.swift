import CKernels

/// Constant tokens before the positions of a map, such as a class token.
package struct ClassTokens: Operation {
  /// [token][channel]
  package let values: [[Float]]

  package init(values: [[Float]]) { self.values = values }

  package func outputShape(of inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels, height: 1, width: values.count + inputs[0].height * inputs[0].width)
  }
  var title: String { "class token" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(values: values.map { output.shape.filled($0) }, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    /// [token][channel, up to whole blocks]
    let values: [[Float]]
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachMap { block, from, to, count in
        for (k, token) in values.enumerated() {
          token.withUnsafeBufferPointer {
            rt_copy(
              output.value + to + k * Tensor.blockSize, $0.baseAddress! + block * Tensor.blockSize,
              Tensor.blockSize)
          }
        }
        rt_copy(output.value + to + values.count * Tensor.blockSize, input.value + from, count)
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      eachMap { _, from, to, count in
        rt_add(input.gradient + from, output.gradient + to + values.count * Tensor.blockSize, count)
      }
    }

    /// Calls `body` with each block of channels of each image: where it begins in both maps, and its floats.
    private func eachMap(_ body: (_ block: Int, _ from: Int, _ to: Int, _ count: Int) -> Void) {
      let images = input.images
      let (area, tokens) = (input.positions / images, output.positions / images)
      Workers.shared.run(output.blocks * images) { map, _ in
        let (block, n) = map.quotientAndRemainder(dividingBy: images)
        body(
          block, block * input.blockStride + n * area * Tensor.blockSize,
          block * output.blockStride + n * tokens * Tensor.blockSize, area * Tensor.blockSize)
      }
    }
  }
}
