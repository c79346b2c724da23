/// Residual networks (He et al., arXiv 1512.03385), wide and grouped ones too, under the names that torchvision, timm, the
/// CIFAR variants and transformers give to their weights.
///
/// The structure is inferred from names and shapes. A stem of 7x7 or of three convolutions has a stride of 2 and a
/// max-pool behind it; a 3x3 stem has no max-pool and the stride that the metadata name. Each stage but the first halves
/// the map, in the 3x3 convolution of a bottleneck; from "output_stride" of the metadata on it dilates windows instead.
enum ResNet: Architecture {
  static let name = "resnet"
  static let title = "ResNet"
  static let isTrainable = true

  /// What comes before the first block.
  struct Stem {
    /// Side of the first convolution's window.
    let size: Int
    let stride: Int
    /// Whether it is three convolutions.
    let isDeep: Bool
    var hasMaxPool: Bool { size == 7 || isDeep }

    /// "3x3 stem of stride 2, no max-pool"
    var description: String {
      "\(size)x\(size) stem of stride \(stride), " + (hasMaxPool ? "max-pool" : "no max-pool")
    }
  }

  /// How a library names the parts of a network.
  private struct Names: Sendable {
    let stem, stemNorm, head: String
    /// The name of the block of a stage, both counted from 0.
    let block: @Sendable (_ stage: Int, _ block: Int) -> String
    /// The names of the convolution of a block, counted from 1, and of its norm.
    let layer: @Sendable (_ layer: Int) -> (convolution: String, norm: String)
    let projections: [Projection]

    struct Projection: Sendable {
      let convolution, norm: String
      /// Whether the map is made smaller by a mean pool instead of the convolution's stride.
      var pools = false
    }

    static let torchvision = Names(
      stem: "conv1", stemNorm: "bn1", head: "fc", block: { "layer\($0 + 1).\($1)" },
      layer: { ("conv\($0)", "bn\($0)") },
      projections: [
        Projection(convolution: "downsample.0", norm: "downsample.1"),
        Projection(convolution: "shortcut.0", norm: "shortcut.1"),
        Projection(convolution: "downsample.1", norm: "downsample.2", pools: true),
      ])

    static let transformers = Names(
      stem: "resnet.embedder.embedder.convolution", stemNorm: "resnet.embedder.embedder.normalization",
      head: "classifier.1", block: { "resnet.encoder.stages.\($0).layers.\($1)" },
      layer: { ("layer.\($0 - 1).convolution", "layer.\($0 - 1).normalization") },
      projections: [Projection(convolution: "shortcut.convolution", norm: "shortcut.normalization")])
  }

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let names = network.has("\(Names.transformers.stem).weight") ? Names.transformers : Names.torchvision
    let stem = try stem(network)
    var x = try self.stem(network, stem, names)
    network.layer("stem", x)

    let isBottleneck = network.has("\(names.block(0, 0)).\(names.layer(3).convolution).weight")
    let first = names.layer(1).convolution
    let stages = network.count { "\(names.block($0, 0)).\(first).weight" }
    guard stages > 0 else {
      throw network.file.refuse("\("\(names.block(0, 0)).\(first).weight".quoted) is missing")
    }
    try refuseLookalikes(network)
    let outputStride = try outputStride(network, hasMaxPool: stem.hasMaxPool)
    var counts: [Int] = []
    var widths: [Int] = []
    var dilation = 1
    for stage in 0..<stages {
      let (isDilated, earlier) = (stage > 0 && x.reduction >= outputStride, dilation)
      if isDilated { dilation *= 2 }
      let blocks = network.count { "\(names.block(stage, $0)).\(first).weight" }
      counts.append(blocks)
      for block in 0..<blocks {
        let name = names.block(stage, block)
        let stride = stage > 0 && block == 0 && !isDilated ? 2 : 1
        let (y, width) = try self.block(
          network, x, name, names, stride, dilations: (block == 0 ? earlier : dilation, dilation),
          isBottleneck: isBottleneck)
        x = y
        if block == 0 { widths.append(width) }
        network.layer("layer\(stage + 1).\(block)", x)
      }
    }

    x = try network.meanPool(x)
    network.representation(x)
    let head = !network.has("\(names.head).weight") && network.has("linear.weight") ? "linear" : names.head
    _ = try network.head(x, head)
    let kind = isBottleneck ? "bottleneck" : "basic"
    return NetworkTraits(
      description: "ResNet, \(kind) blocks \(counts.dashed), widths \(widths.dashed)",
      side: stem.hasMaxPool ? 224 : 32, pixels: stem.hasMaxPool ? .imageNet : .none)
  }

  /// Anti-aliased networks have exactly these tensors, and compute something else.
  private static func refuseLookalikes(_ network: NetworkBuilder) throws {
    guard let variant = network.file.metadata["variant"] else { return }
    for kind in ["resnetaa", "resnetblur", "resnetrs"] where variant.contains(kind) {
      throw network.file.refuse(
        "it is said to be a \(variant), which smooths before it makes maps smaller; export it to ONNX")
    }
  }

  /// How many pixels a position may stand for along one side before stages dilate their windows instead.
  private static func outputStride(_ network: NetworkBuilder, hasMaxPool: Bool) throws -> Int {
    if let stride = try network.number("output_stride", in: 4...64) { return stride }
    let isTold = network.file.metadata["variant"] != nil || network.file.metadata["architecture"] == name
    if hasMaxPool && !isTold {
      network.assume(
        "strides are assumed to be plain: dilated and anti-aliased networks have the same tensors")
    }
    return .max
  }

  /// - Throws: `CheckpointError` if the stem is of another kind.
  static func stem(_ network: NetworkBuilder) throws -> Stem {
    let isDeep = network.has("conv1.0.weight")
    let name = isDeep ? "conv1.0" : network.has("conv1.weight") ? "conv1" : Names.transformers.stem
    let plain = network.has("\(name).weight") ? name : "conv1"
    let first = try network.shape("\(plain).weight", [nil, 3, nil, nil])
    guard first[2] == first[3], first[2] == 3 || first[2] == 7 else {
      throw network.file.refuse("the stem is \(first[2])x\(first[3]); only 3x3 and 7x7 are known")
    }
    let stride = try network.number("stem_stride", in: 1...4) ?? (first[2] == 7 || isDeep ? 2 : 1)
    return Stem(size: first[2], stride: stride, isDeep: isDeep)
  }

  private static func stem(
    _ network: NetworkBuilder, _ stem: Stem, _ names: Names
  ) throws -> NetworkBuilder.Value {
    var x = network.input
    if stem.isDeep {
      x = try network.convolution(x, "conv1.0", norm: "conv1.1", size: 3, stride: stem.stride, .relu)
      x = try network.convolution(x, "conv1.3", norm: "conv1.4", size: 3, .relu)
      x = try network.convolution(x, "conv1.6", norm: names.stemNorm, size: 3, .relu)
    } else {
      x = try network.convolution(
        x, names.stem, norm: names.stemNorm, size: stem.size, stride: stem.stride, .relu)
    }
    return stem.hasMaxPool ? try network.maxPool(x, size: 3, stride: 2, pad: 1) : x
  }

  /// A block, and the channels between its convolutions.
  /// - Parameter dilations: of the first of its 3x3 convolutions, and of a second.
  private static func block(
    _ network: NetworkBuilder, _ x: NetworkBuilder.Value, _ name: String, _ names: Names, _ stride: Int,
    dilations: (Int, Int), isBottleneck: Bool
  ) throws -> (NetworkBuilder.Value, width: Int) {
    func convolution(
      _ x: NetworkBuilder.Value, _ k: Int, size: Int, stride: Int = 1, dilation: Int = 1,
      groups: NetworkBuilder.Groups = .one, _ activation: Activation = .identity
    ) throws -> NetworkBuilder.Value {
      let layer = names.layer(k)
      return try network.convolution(
        x, "\(name).\(layer.convolution)", norm: "\(name).\(layer.norm)", size: size, stride: stride,
        dilation: dilation, groups: groups, activation)
    }
    // The projection comes first, so that the last convolution can add it to its own result.
    var residual = x
    if let projection = names.projections.first(where: { network.has("\(name).\($0.convolution).weight") }) {
      if projection.pools && stride > 1 {
        residual = try network.averagePool(residual, size: stride, stride: stride, ceil: true)
      }
      residual = try network.convolution(
        residual, "\(name).\(projection.convolution)", norm: "\(name).\(projection.norm)", size: 1,
        stride: projection.pools ? 1 : stride)
    }
    var y: NetworkBuilder.Value
    let width: Int
    if isBottleneck {
      y = try convolution(x, 1, size: 1, .relu)
      width = y.channels
      y = try convolution(y, 2, size: 3, stride: stride, dilation: dilations.0, groups: .any, .relu)
      y = try convolution(y, 3, size: 1)
    } else {
      y = try convolution(x, 1, size: 3, stride: stride, dilation: dilations.0, .relu)
      width = y.channels
      y = try convolution(y, 2, size: 3, dilation: dilations.1, groups: .any)
    }
    guard residual.channels == y.channels, residual.reduction == y.reduction else {
      throw network.file.refuse(
        "\(name) changes the shape of its input but has no downsample or shortcut")
    }
    return (try network.relu(try network.add(y, residual)), width)
  }
}

extension [Int] {
  /// "64-128-256"
  var dashed: String { map(String.init).joined(separator: "-") }
}
