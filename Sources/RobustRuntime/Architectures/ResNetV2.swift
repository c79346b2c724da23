/// Residual networks of bottlenecks that begin with norm and ReLU (He et al., arXiv 1603.05027), under timm's names: with
/// batch normalisation, or as BiT (Kolesnikov et al., arXiv 1912.11370) with group normalisation and standardised weights.
enum ResNetV2: Architecture {
  static let name = "resnetv2"
  static let title = "ResNetV2"

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let isBiT = !network.has("norm.running_mean")
    func convolution(
      _ x: NetworkBuilder.Value, _ name: String, size: Int, stride: Int = 1
    ) throws -> NetworkBuilder.Value {
      try network.convolution(
        x, name, size: size, stride: stride, groups: .any, standardized: isBiT ? 1e-8 : nil)
    }
    func activated(_ x: NetworkBuilder.Value, _ norm: String) throws -> NetworkBuilder.Value {
      try network.relu(
        isBiT ? try network.groupNorm(x, norm, groups: 32) : try network.batchNorm(x, norm))
    }

    var x = try convolution(network.input, "stem.conv", size: 7, stride: 2)
    // BiT's max-pool sees the zeros around the map.
    x =
      isBiT
      ? try network.maxPool(try network.pad(x, 1), size: 3, stride: 2)
      : try network.maxPool(x, size: 3, stride: 2, pad: 1)
    network.layer("stem", x)

    var counts: [Int] = []
    var widths: [Int] = []
    for stage in 0..<network.count({ "stages.\($0).blocks.0.conv1.weight" }) {
      let blocks = network.count { "stages.\(stage).blocks.\($0).conv1.weight" }
      counts.append(blocks)
      for block in 0..<blocks {
        let name = "stages.\(stage).blocks.\(block)"
        let stride = stage > 0 && block == 0 ? 2 : 1
        let first = try activated(x, "\(name).norm1")
        let residual =
          network.has("\(name).downsample.conv.weight")
          ? try convolution(first, "\(name).downsample.conv", size: 1, stride: stride) : x
        var y = try convolution(first, "\(name).conv1", size: 1)
        if block == 0 { widths.append(y.channels) }
        y = try convolution(try activated(y, "\(name).norm2"), "\(name).conv2", size: 3, stride: stride)
        y = try convolution(try activated(y, "\(name).norm3"), "\(name).conv3", size: 1)
        x = try network.add(y, residual)
        network.layer("layer\(stage + 1).\(block)", x)
      }
    }
    x = try network.meanPool(try activated(x, "norm"))
    network.representation(x)
    _ = try network.head(x, "head.fc")
    return NetworkTraits(
      description: "ResNetV2\(isBiT ? " (BiT)" : ""), blocks \(counts.dashed), widths \(widths.dashed)",
      side: 224, pixels: isBiT ? .centred : .imageNet)
  }
}
