import CKernels
import Synchronization

/// out[o] = bias[o] + Σ weights[o][i] ⋆ in[i], with zeros around the input. A second input, if there is one, is added
/// (the residual of a block). A linear layer is a 1x1 convolution of 1x1 maps.
package final class Convolution: Operation {
  let inChannels, outChannels: Int
  let height, width: Int
  let stride, pad, groups: Int
  /// [outChannels][inChannels / groups][height][width]
  let weights: [Float]
  let bias: [Float]
  private let transposed = Mutex<[Correlation]?>(nil)

  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  package init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1,
    weights: [Float], bias: [Float]? = nil
  ) {
    precondition(inChannels % groups == 0 && outChannels % groups == 0)
    precondition(weights.count == outChannels * (inChannels / groups) * height * width)
    (self.inChannels, self.outChannels, self.height, self.width) = (inChannels, outChannels, height, width)
    (self.stride, self.pad, self.groups) = (stride, pad, groups)
    self.weights = weights
    self.bias = bias ?? [Float](repeating: 0, count: outChannels)
  }

  /// The convolution followed by a scale and shift of each channel, as one convolution.
  func followed(by affine: ChannelAffine) -> Convolution {
    let row = weights.count / max(outChannels, 1)
    let scaled = [Float](unsafeUninitializedCapacity: weights.count) { out, count in
      weights.withUnsafeBufferPointer { weights in
        guard let from = weights.baseAddress, let to = out.baseAddress else { return }
        for o in 0..<outChannels { rt_affine(to + o * row, from + o * row, affine.scale[o], 0, row) }
      }
      count = weights.count
    }
    return Convolution(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      pad: pad,
      groups: groups, weights: scaled,
      bias: (0..<outChannels).map { bias[$0] * affine.scale[$0] + affine.shift[$0] })
  }

  package func outputShape(of inputs: [Shape]) -> Shape {
    Shape(
      channels: outChannels, height: (inputs[0].height + 2 * pad - height) / stride + 1,
      width: (inputs[0].width + 2 * pad - width) / stride + 1)
  }

  let backwardReadsInputs = false

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) -> any BoundOperation {
    let (images, input) = (output.images, inputs[0])
    return BoundConvolution(
      convolution: self, input: input, residual: inputs.count > 1 ? inputs[1] : nil, output: output,
      forward: BoundCorrelation(correlation, images: images, from: input.shape, to: output.shape),
      backward: gradient
        ? gradientCorrelations.map {
          BoundCorrelation($0, images: images, from: output.shape, to: input.shape)
        } : [])
  }

  private var correlation: Correlation {
    Correlation(
      inChannels: inChannels / groups, outChannels: outChannels / groups, groups: groups, tapsHeight: height,
      tapsWidth: width, step: stride, top: -pad, left: -pad, weights: weights)
  }

  /// The gradient by the input: for each remainder of the input's position by the stride, a correlation of the output's
  /// gradient with those weights, rotated, that met such positions. With a stride of 1 there is one.
  private var gradientCorrelations: [Correlation] {
    transposed.withLock { known in
      if let known { return known }
      let made = (0..<stride * stride).map { gradientCorrelation(y: $0 / stride, x: $0 % stride) }
      known = made
      return made
    }
  }

  /// Input row q·stride + y met tap `first` + stride·j at output row q + `last` − j.
  private func gradientCorrelation(y: Int, x: Int) -> Correlation {
    func taps(_ offset: Int, _ size: Int) -> (first: Int, count: Int, last: Int) {
      let (last, first) = (offset + pad).quotientAndRemainder(dividingBy: stride)
      return (first, max((size - first + stride - 1) / stride, 0), last)
    }
    let (rows, columns) = (taps(y, height), taps(x, width))
    let (ins, outs) = (inChannels / groups, outChannels / groups)
    let area = rows.count * columns.count
    let rotated = [Float](unsafeUninitializedCapacity: groups * ins * outs * area) { to, count in
      weights.withUnsafeBufferPointer { from in
        for group in 0..<groups {
          for i in 0..<ins {
            for o in 0..<outs {
              let read = ((group * outs + o) * ins + i) * height * width
              let write = ((group * ins + i) * outs + o) * area
              for r in 0..<rows.count {
                for c in 0..<columns.count {
                  let ky = rows.first + stride * (rows.count - 1 - r)
                  let kx = columns.first + stride * (columns.count - 1 - c)
                  to[write + r * columns.count + c] = from[read + ky * width + kx]
                }
              }
            }
          }
        }
      }
      count = groups * ins * outs * area
    }
    return Correlation(
      inChannels: outs, outChannels: ins, groups: groups, tapsHeight: rows.count, tapsWidth: columns.count,
      step: 1,
      top: rows.last - rows.count + 1, left: columns.last - columns.count + 1, spread: stride, y: y, x: x,
      weights: rotated)
  }
}

private struct BoundConvolution: BoundOperation {
  let convolution: Convolution
  let input: Tensor
  let residual: Tensor?
  let output: Tensor
  let forward: BoundCorrelation
  let backward: [BoundCorrelation]

  var scratch: Int { max(forward.scratch, backward.map(\.scratch).max() ?? 0) }

  func forward(relu: Bool, scratch: Scratch) {
    convolution.bias.withUnsafeBufferPointer { bias in
      forward.run(
        input.value, output.value,
        Finish(bias: bias.baseAddress, residual: residual.map { UnsafePointer($0.value) }, relu: relu),
        scratch)
    }
  }

  func backward(scratch: Scratch) {
    residual?.addGradient(output.gradient)
    // Positions that no tap met have no correlation to write their zeros.
    let hasGaps = backward.contains { $0.correlation.weights.isEmpty }
    if hasGaps && !input.hasGradient { input.zeroGradient() }
    let accumulate = input.hasGradient || hasGaps
    for part in backward {
      part.run(output.gradient, input.gradient, Finish(accumulate: accumulate), scratch)
    }
    input.hasGradient = true
  }
}

extension Tensor {
  /// Adds to the gradient, or writes it if it is the first.
  func addGradient(_ other: UnsafePointer<Float>) {
    let (gradient, add) = (gradient, hasGradient)
    Workers.shared.run(over: count) { start, count in
      if add {
        rt_add(gradient + start, other + start, count)
      } else {
        rt_copy(gradient + start, other + start, count)
      }
    }
    hasGradient = true
  }

  func zeroGradient() {
    rt_fill(gradient, 0, count)
    hasGradient = true
  }
}
