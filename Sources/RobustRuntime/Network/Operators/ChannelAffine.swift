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
      let mask = activation.isClip ? output.reluMask : nil
      eachBlock { at, scale, shift in
        rt_batch_norm_apply(
          output.value + at, input.value + at, scale, shift, nil, activation.ceiling,
          mask.map { $0 + at / Tensor.blockSize }, output.positions)
      }
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      let add = input.hasGradient
      eachBlock { at, scale, _ in
        rt_channel_affine(input.gradient + at, output.gradient + at, scale, nil, add, output.positions)
      }
      (input.hasGradient, input.gradientIsMasked) = (true, false)
    }

    /// Calls `body` with each block of channels: where it begins, and its scales and shifts.
    private func eachBlock(_ body: (_ at: Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void) {
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          Workers.shared.run(output.blocks) { block, _ in
            let channel = block * Tensor.blockSize
            body(block * output.blockStride, scale.baseAddress! + channel, shift.baseAddress! + channel)
          }
        }
      }
    }
  }
}
