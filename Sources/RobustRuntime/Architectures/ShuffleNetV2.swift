/// ShuffleNetV2 (Ma et al., arXiv 1807.11164) under torchvision's names.
enum ShuffleNetV2: Architecture {
  static let name = "shufflenetv2"
  static let title = "ShuffleNetV2"

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    var x = try network.convolution(network.input, "conv1.0", norm: "conv1.1", size: 3, stride: 2, .relu)
    x = try network.maxPool(x, size: 3, stride: 2, pad: 1)
    network.layer("stem", x)

    var counts: [Int] = []
    for stage in 2...4 {
      let blocks = network.count { "stage\(stage).\($0).branch2.0.weight" }
      guard blocks > 0 else { throw network.file.refuse("'stage\(stage).0.branch2.0.weight' is missing") }
      counts.append(blocks)
      for block in 0..<blocks {
        x = try self.block(network, x, "stage\(stage).\(block)")
        network.layer("layer\(stage - 1).\(block)", x)
      }
    }
    x = try network.convolution(x, "conv5.0", norm: "conv5.1", size: 1, .relu)
    x = try network.meanPool(x)
    network.representation(x)
    _ = try network.head(x, "fc")
    return NetworkTraits(description: "ShuffleNetV2, blocks \(counts.dashed)", side: 224, pixels: .imageNet)
  }

  /// A block with a first branch halves the map; one without leaves half of its channels as they are.
  private static func block(
    _ network: NetworkBuilder, _ x: NetworkBuilder.Value, _ name: String
  ) throws -> NetworkBuilder.Value {
    let halves = network.has("\(name).branch1.0.weight")
    var (left, right) = (x, x)
    if halves {
      left = try network.convolution(
        x, "\(name).branch1.0", norm: "\(name).branch1.1", size: 3, stride: 2, groups: .depthwise)
      left = try network.convolution(left, "\(name).branch1.2", norm: "\(name).branch1.3", size: 1, .relu)
    } else {
      guard x.channels % 2 == 0 else {
        throw network.file.refuse("\(name) has \(x.channels) channels, of which there is no half")
      }
      left = try network.slice(x, 0..<x.channels / 2)
      right = try network.slice(x, x.channels / 2..<x.channels)
    }
    let branch = "\(name).branch2"
    right = try network.convolution(right, "\(branch).0", norm: "\(branch).1", size: 1, .relu)
    right = try network.convolution(
      right, "\(branch).3", norm: "\(branch).4", size: 3, stride: halves ? 2 : 1, groups: .depthwise)
    right = try network.convolution(right, "\(branch).5", norm: "\(branch).6", size: 1, .relu)
    guard left.channels == right.channels else {
      throw network.file.refuse(
        "the branches of \(name) have \(left.channels) and \(right.channels) channels")
    }
    let y = try network.concatenation(left, right)
    return try network.permutation(y, (0..<y.channels).map { $0 % 2 * left.channels + $0 / 2 })
  }
}
