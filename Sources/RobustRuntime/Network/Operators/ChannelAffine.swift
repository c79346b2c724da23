import CKernels
import Glibc

/// out[c] = scale[c] · in[c] + shift[c]. What batch normalisation is once it is trained; mostly folded into
/// the convolution before it.
package struct ChannelAffine: Operation {
  let scale, shift: [Float]

  package init(scale: [Float], shift: [Float]) { (self.scale, self.shift) = (scale, shift) }

  /// Batch normalisation with stored statistics: weight · (x − mean) / √(variance + epsilon) + bias.
  package init(mean: [Float], variance: [Float], weight: [Float], bias: [Float], epsilon: Float = 1e-5) {
    scale = zip(weight, variance).map { $0 / ($1 + epsilon).squareRoot() }
    shift = zip(zip(bias, mean), scale).map { $0.0 - $0.1 * $1 }
  }

  package func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }

  var backwardReadsInputs: Bool { false }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(affine: self, input: inputs[0], output: output)
  }

  private struct Bound: BoundOperation {
    let affine: ChannelAffine
    let input, output: Tensor
    let scratch = 0

    func forward(relu: Bool, scratch: Scratch) {
      let (from, to, plane) = (input.value, output.value, output.plane)
      Workers.shared.run(output.shape.channels) { c, _ in
        rt_affine(to + c * plane, from + c * plane, affine.scale[c], affine.shift[c], plane)
        if relu { rt_relu(to + c * plane, plane) }
      }
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      let (from, to, plane, add) = (output.gradient, input.gradient, output.plane, input.hasGradient)
      Workers.shared.run(output.shape.channels) { c, _ in
        if add {
          rt_add_scaled(to + c * plane, from + c * plane, affine.scale[c], plane)
        } else {
          rt_affine(to + c * plane, from + c * plane, affine.scale[c], 0, plane)
        }
      }
      input.hasGradient = true
    }
  }
}
