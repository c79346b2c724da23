import CKernels

/// weight[c] · (x[c] − m) / √(v + epsilon) + bias[c], m and v being the mean and the variance over the channels of a group
/// and all positions (Wu, He, arXiv 1803.08494). One group: layer normalisation of whole maps; as many as channels:
/// instance normalisation.
package struct GroupNormalization: Operation {
  package let groups: Int
  package let weight, bias: [Float]
  package let epsilon: Float

  /// - Precondition: the groups divide the channels.
  package init(groups: Int, weight: [Float], bias: [Float], epsilon: Float) {
    precondition(groups > 0 && weight.count % groups == 0 && weight.count == bias.count)
    (self.groups, self.weight, self.bias, self.epsilon) = (groups, weight, bias, epsilon)
  }

  package func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }
  func backwardReads(input: Int, training: Bool) -> Bool { true }
  var title: String { "group norm" }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    BoundGroupNormalization(norm: self, input: inputs[0], output: output)
  }
}

private final class BoundGroupNormalization: BoundOperation {
  let norm: GroupNormalization
  let input, output: Tensor
  let scratch = 0
  /// [block][image][2][16]
  private var sums: [Double]
  /// [image][channel, up to whole blocks]: of the channel's group.
  private var means, scales: [Float]
  /// [block][image][3][16]: what the gradient, the input and 1 are multiplied with. Forward the last two are used.
  private var factors: [Float]

  private let lanes = Tensor.blockSize
  private let images, area, groupChannels: Int

  init(norm: GroupNormalization, input: Tensor, output: Tensor) {
    (self.norm, self.input, self.output) = (norm, input, output)
    (images, area) = (output.images, output.shape.height * output.shape.width)
    groupChannels = output.shape.channels / norm.groups
    let numbers = output.blocks * images * lanes
    sums = [Double](repeating: 0, count: 2 * numbers)
    (means, scales) = ([Float](repeating: 0, count: numbers), [Float](repeating: 0, count: numbers))
    factors = [Float](repeating: 0, count: 3 * numbers)
  }

  func forward(_ activation: Activation, scratch: Scratch) {
    eachMap { map, at, sums, _ in rt_batch_norm_moments(sums, input.value + at, area) }
    for n in 0..<images {
      for group in 0..<norm.groups {
        let (sum, square) = totals(image: n, group: group, weighted: false)
        let count = Double(groupChannels * area)
        let mean = sum / count
        let variance = max(square / count - mean * mean, 0)
        let scale = Float(1 / (variance + Double(norm.epsilon)).squareRoot())
        for c in channels(group) {
          (means[index(n, c)], scales[index(n, c)]) = (Float(mean), scale)
          factors[factor(n, c, 0)] = scale * norm.weight[c]
          factors[factor(n, c, 1)] = norm.bias[c] - Float(mean) * scale * norm.weight[c]
        }
      }
    }
    eachMap { _, at, _, factors in
      rt_channel_affine(output.value + at, input.value + at, factors, factors + lanes, false, area)
    }
    output.apply(activation)
  }

  /// With h = weight · g, the gradient is scale · (h − mean of h − scale² (x − m) · mean of h (x − m)).
  func backward(maskInput: Bool, scratch: Scratch) {
    means.withUnsafeBufferPointer { means in
      eachMap { map, at, sums, _ in
        rt_batch_norm_gradient_sums(
          sums, output.gradient + at, input.value + at, means.baseAddress! + map * lanes, area)
      }
    }
    for n in 0..<images {
      for group in 0..<norm.groups {
        let (sum, along) = totals(image: n, group: group, weighted: true)
        let count = Double(groupChannels * area)
        for c in channels(group) {
          let (scale, mean) = (Double(scales[index(n, c)]), Double(means[index(n, c)]))
          let slope = -scale * scale * scale * along / count
          factors[factor(n, c, 0)] = Float(scale) * norm.weight[c]
          factors[factor(n, c, 1)] = Float(slope)
          factors[factor(n, c, 2)] = Float(-scale * sum / count - slope * mean)
        }
      }
    }
    if !input.hasGradient { input.zeroGradient() }
    // In place, as the gradient of the output is not needed any more.
    eachMap { _, at, _, factors in
      rt_batch_norm_gradient(output.gradient + at, output.gradient + at, input.value + at, factors, area)
    }
    input.addGradient(output.gradient)
  }

  private func channels(_ group: Int) -> Range<Int> {
    group * groupChannels..<(group + 1) * groupChannels
  }

  /// The number of the map of a block of channels of an image, times 16, plus the lane of the channel.
  private func index(_ n: Int, _ c: Int) -> Int { (c / lanes * images + n) * lanes + c % lanes }
  private func factor(_ n: Int, _ c: Int, _ kind: Int) -> Int {
    ((c / lanes * images + n) * 3 + kind) * lanes + c % lanes
  }

  /// Both sums over the channels of a group, each channel's times its weight if asked for.
  private func totals(image n: Int, group: Int, weighted: Bool) -> (Double, Double) {
    var totals = (0.0, 0.0)
    for c in channels(group) {
      let at = (c / lanes * images + n) * 2 * lanes + c % lanes
      let weight = weighted ? Double(norm.weight[c]) : 1
      totals.0 += weight * sums[at]
      totals.1 += weight * sums[at + lanes]
    }
    return totals
  }

  /// Calls `body` with each block of channels of each image: its number, where it begins, its sums and factors.
  private func eachMap(
    _ body: (_ map: Int, _ at: Int, UnsafeMutablePointer<Double>, UnsafePointer<Float>) -> Void
  ) {
    let (blocks, stride) = (output.blocks, output.blockStride)
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = sums.baseAddress!
      factors.withUnsafeBufferPointer { factors in
        Workers.shared.run(blocks * images) { map, _ in
          let (block, n) = map.quotientAndRemainder(dividingBy: images)
          body(
            map, block * stride + n * area * lanes, sums + map * 2 * lanes,
            factors.baseAddress! + map * 3 * lanes)
        }
      }
    }
  }
}
