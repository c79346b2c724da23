/// Residual networks for small images whose blocks begin with norm and activation (He et al., arXiv 1603.05027): wide ones
/// (Zagoruyko, Komodakis, arXiv 1605.07146) and narrow ones, as robust classifiers of CIFAR are.
///
/// The activation cannot be seen in the tensors.
enum PreActivationResNet: Architecture {
  static let name = "preactresnet"
  static let title = "WideResNet or PreActResNet"

  /// How an implementation names the parts of a network, and what it does that names do not tell.
  private struct Names: Sendable {
    let title, stem: String
    /// The name of the block of a stage, both counted from 0.
    let block: @Sendable (_ stage: Int, _ block: Int) -> String
    let norms, convolutions: [String]
    let shortcut: String
    let norm, head: String
    /// Whether a shortcut takes what the first activation of the block gives.
    let activatesShortcut: Bool
    var shortcutSize = 1
    /// Whether convolutions of stride 2 have zeros at the bottom and right alone.
    var padsBehind = false
    var activation = Activation.relu
    var isCertain = true

    /// TRADES and RobustBench.
    static let wide = Names(
      title: "WideResNet", stem: "conv1", block: { "block\($0 + 1).layer.\($1)" }, norms: ["bn1", "bn2"],
      convolutions: ["conv1", "conv2"], shortcut: "convShortcut", norm: "bn1", head: "fc",
      activatesShortcut: true)

    /// DeepMind.
    static let wideSame = Names(
      title: "WideResNet", stem: "init_conv", block: { "layer.\($0).block.\($1)" },
      norms: ["batchnorm_0", "batchnorm_1"], convolutions: ["conv_0", "conv_1"], shortcut: "shortcut",
      norm: "batchnorm", head: "logits", activatesShortcut: true, padsBehind: true, activation: .silu,
      isCertain: false)

    /// RobustBench: without a norm at the end shortcuts take the block's input.
    static func narrow(hasNorm: Bool) -> Names {
      Names(
        title: "PreActResNet", stem: "conv1", block: { "layer\($0 + 1).\($1)" },
        norms: ["bn1", "bn2", "bn3"], convolutions: ["conv1", "conv2", "conv3"], shortcut: "shortcut.0",
        norm: "bn", head: "linear", activatesShortcut: hasNorm)
    }

    /// DeepMind.
    static let narrowSame = Names(
      title: "PreActResNet", stem: "conv_2d", block: { "layer_\($0).\($1)" },
      norms: ["batchnorm_0", "batchnorm_1"], convolutions: ["conv_2d_1", "conv_2d_2"], shortcut: "shortcut",
      norm: "batchnorm", head: "logits", activatesShortcut: false, shortcutSize: 3, padsBehind: true,
      activation: .silu, isCertain: false)
  }

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let names: Names =
      if network.has("init_conv.weight") {
        .wideSame
      } else if network.has("conv_2d.weight") {
        .narrowSame
      } else if network.has("block1.layer.0.bn1.weight") {
        .wide
      } else {
        .narrow(hasNorm: network.has("bn.weight"))
      }
    // TRADES builds a second first stage, which no image passes through.
    network.ignore("sub_block1.")
    let activation = try network.activation(names.activation, isCertain: names.isCertain)

    var x = try network.convolution(network.input, names.stem, size: 3)
    network.layer("stem", x)
    let first = names.convolutions[0]
    let stages = network.count { "\(names.block($0, 0)).\(first).weight" }
    guard stages > 0 else {
      throw network.file.refuse("\("\(names.block(0, 0)).\(first).weight".quoted) is missing")
    }
    var counts: [Int] = []
    var widths: [Int] = []
    for stage in 0..<stages {
      let blocks = network.count { "\(names.block(stage, $0)).\(first).weight" }
      counts.append(blocks)
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = try self.block(network, x, names.block(stage, block), names, stride, activation)
        network.layer("layer\(stage + 1).\(block)", x)
      }
      widths.append(x.channels)
    }
    if network.has("\(names.norm).weight") {
      x = try network.activation(try network.batchNorm(x, names.norm), activation)
    }
    x = try network.meanPool(x)
    network.representation(x)
    let classes = try network.head(x, names.head, bias: .optional).channels
    let shape = names.title == "WideResNet" ? "-\(6 * counts[0] + 4)" : ""
    return NetworkTraits(
      description: "\(names.title)\(shape), blocks \(counts.dashed), widths \(widths.dashed), \(activation)",
      side: 32, pixels: !names.padsBehind ? .none : classes == 100 ? .cifar100 : .cifar10)
  }

  private static func block(
    _ network: NetworkBuilder, _ x: NetworkBuilder.Value, _ name: String, _ names: Names, _ stride: Int,
    _ activation: Activation
  ) throws -> NetworkBuilder.Value {
    let padding: Padding? =
      names.padsBehind && stride == 2 ? Padding(top: 0, left: 0, bottom: 1, right: 1) : nil
    let depth = names.convolutions.count { network.has("\(name).\($0).weight") }
    let activated = try network.activation(
      try network.batchNorm(x, "\(name).\(names.norms[0])"), activation)
    var residual = x
    if network.has("\(name).\(names.shortcut).weight") {
      let size = names.shortcutSize
      residual = try network.convolution(
        names.activatesShortcut ? activated : x, "\(name).\(names.shortcut)", size: size, stride: stride,
        padding: size == 3 ? padding : nil)
    }
    var y = activated
    for k in 0..<depth {
      if k > 0 {
        y = try network.activation(try network.batchNorm(y, "\(name).\(names.norms[k])"), activation)
      }
      // The convolution of 3x3 that is not the last of a bottleneck, or the first of two, has the stride.
      let isStrided = k == (depth == 3 ? 1 : 0)
      y = try network.convolution(
        y, "\(name).\(names.convolutions[k])", size: depth == 3 && k != 1 ? 1 : 3,
        stride: isStrided ? stride : 1, padding: isStrided ? padding : nil)
    }
    guard residual.channels == y.channels, residual.reduction == y.reduction else {
      throw network.file.refuse("\(name) changes the shape of its input but has no shortcut")
    }
    return try network.add(y, residual)
  }
}
