/// A residual network that is to be trained from random weights.
package struct NetworkDescription: Sendable, Equatable {
  package var widths = [32, 64, 128, 256]
  package var blocks = [2, 2, 2, 2]
  package var isBottleneck = false
  /// The stem's window, 3 or 7; behind one of 7 comes a max-pool.
  package var stem = 3
  package var stemStride = 2

  package init() {}

  /// The channels that a stage gives for its width.
  private var expansion: Int { isBottleneck ? 4 : 1 }

  /// The first weights, under torchvision's names: those of convolutions are normal with a variance of 2 /
  /// (outputs · window) (He et al., arXiv 1502.01852), norms do nothing, and the last layer is uniform in ±1
  /// / √inputs.
  package func tensors(classes: Int, mean: [Float], deviation: [Float], seed: UInt64) -> [NamedTensor] {
    var tensors = [
      NamedTensor(name: "mean", shape: [3], values: mean),
      NamedTensor(name: "std", shape: [3], values: deviation),
    ]
    func random() -> Philox { Philox(seed: seed, stream: 0x696E_6974 << 32 | UInt64(tensors.count)) }
    func convolution(_ name: String, norm: String, _ outs: Int, _ ins: Int, _ size: Int) {
      let scale = (2 / Float(outs * size * size)).squareRoot()
      let values = random().normal(count: outs * ins * size * size).map { $0 * scale }
      tensors.append(NamedTensor(name: "\(name).weight", shape: [outs, ins, size, size], values: values))
      for (part, value) in [("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)]
        as [(String, Float)]
      {
        tensors.append(
          NamedTensor(name: "\(norm).\(part)", shape: [outs], values: [Float](repeating: value, count: outs)))
      }
    }
    var channels = widths[0]
    convolution("conv1", norm: "bn1", channels, 3, stem)
    for (stage, (width, count)) in zip(widths, blocks).enumerated() {
      for block in 0..<count {
        let (name, outs) = ("layer\(stage + 1).\(block)", width * expansion)
        if isBottleneck {
          convolution("\(name).conv1", norm: "\(name).bn1", width, channels, 1)
          convolution("\(name).conv2", norm: "\(name).bn2", width, width, 3)
          convolution("\(name).conv3", norm: "\(name).bn3", outs, width, 1)
        } else {
          convolution("\(name).conv1", norm: "\(name).bn1", width, channels, 3)
          convolution("\(name).conv2", norm: "\(name).bn2", width, width, 3)
        }
        if channels != outs || (block == 0 && stage > 0) {
          convolution("\(name).downsample.0", norm: "\(name).downsample.1", outs, channels, 1)
        }
        channels = outs
      }
    }
    return tensors + Self.head(classes: classes, channels: channels, name: "fc", random: random())
  }

  /// A last linear layer.
  static func head(classes: Int, channels: Int, name: String, random: Philox) -> [NamedTensor] {
    let reach = 1 / Float(channels).squareRoot()
    let weights = random.uniform(count: classes * channels).map { (2 * $0 - 1) * reach }
    return [
      NamedTensor(name: "\(name).weight", shape: [classes, channels], values: weights),
      NamedTensor(name: "\(name).bias", shape: [classes], values: [Float](repeating: 0, count: classes)),
    ]
  }
}
