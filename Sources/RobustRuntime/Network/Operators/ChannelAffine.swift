import CKernels
import Glibc

/// out[c] = scale[c] · in[c] + shift[c], which batch normalisation is once it is trained; mostly folded into the
/// convolution before it.
package struct ChannelAffine: Operation {
  package let scale, shift: [Float]

  package init(scale: [Float], shift: [Float]) { (self.scale, self.shift) = (scale, shift) }

  /// Batch normalisation with stored statistics: weight · (x − mean) / √(variance + epsilon) + bias.
  package init(mean: [Float], variance: [Float], weight: [Float], bias: [Float], epsilon: Float = 1e-5) {
    scale = zip(weight, variance).map { $0 / ($1 + epsilon).squareRoot() }
    shift = zip(zip(bias, mean), scale).map { $0.0 - $0.1 * $1 }
  }

  package func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let shape = output.shape
    return Bound(scale: shape.filled(scale), shift: shape.filled(shift), input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let scale, shift: [Float]
    let input, output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      apply(from: input.value, to: output.value, shifts: true, add: false)
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      apply(from: output.gradient, to: input.gradient, shifts: false, add: input.hasGradient)
      input.hasGradient = true
    }

    private func apply(
      from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, shifts: Bool, add: Bool
    ) {
      Workers.shared.run(output.blocks) { block, _ in
        let (at, channel) = (block * output.blockStride, block * Tensor.blockSize)
        scale.withUnsafeBufferPointer { scale in
          shift.withUnsafeBufferPointer { shift in
            rt_channel_affine(
              to + at, from + at, scale.baseAddress! + channel, shifts ? shift.baseAddress! + channel : nil,
              add,
              output.positions)
          }
        }
      }
    }
  }
}
