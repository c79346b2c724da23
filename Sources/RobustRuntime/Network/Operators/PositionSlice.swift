import CKernels

/// Some of the positions of a map, in the order of rows, as one row or several.
struct PositionSlice: Operation {
  let range: Range<Int>
  var rows = 1

  func outputShape(of inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels, height: rows, width: range.count / rows)
  }
  var title: String { "positions" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(first: range.lowerBound, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let first: Int
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachMap { from, to, count in rt_copy(output.value + to, input.value + from, count) }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      if !input.hasGradient { input.zeroGradient() }
      eachMap { from, to, count in rt_add(input.gradient + from, output.gradient + to, count) }
    }

    private func eachMap(_ body: (_ from: Int, _ to: Int, _ count: Int) -> Void) {
      let images = input.images
      let (area, kept) = (input.positions / images, output.positions / images)
      for block in 0..<output.blocks {
        for n in 0..<images {
          body(
            block * input.blockStride + (n * area + first) * Tensor.blockSize,
            block * output.blockStride + n * kept * Tensor.blockSize, kept * Tensor.blockSize)
        }
      }
    }
  }
}
