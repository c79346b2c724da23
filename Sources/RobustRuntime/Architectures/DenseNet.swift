/// DenseNet (Huang et al., arXiv 1608.06993) under the names of torchvision, today's and those of its first files, and timm.
enum DenseNet: Architecture {
  static let name = "densenet"
  static let title = "DenseNet"

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let isOld = network.has("features.denseblock1.denselayer1.norm.1.weight")
    func part(_ name: String, _ k: Int) -> String { isOld ? "\(name).\(k)" : "\(name)\(k)" }

    var x = try network.convolution(
      network.input, "features.conv0", norm: "features.norm0", size: 7, stride: 2, .relu)
    x = try network.maxPool(x, size: 3, stride: 2, pad: 1)
    network.layer("stem", x)

    let convolution = part("conv", 1)
    let blocks = network.count(from: 1) { "features.denseblock\($0).denselayer1.\(convolution).weight" }
    guard blocks > 0 else {
      throw network.file.refuse("'features.denseblock1.denselayer1.conv1.weight' is missing")
    }
    var counts: [Int] = []
    for block in 1...blocks {
      let prefix = "features.denseblock\(block).denselayer"
      let layers = network.count(from: 1) { "\(prefix)\($0).\(convolution).weight" }
      counts.append(layers)
      for layer in 1...layers {
        let name = "\(prefix)\(layer)"
        var y = try network.relu(try network.batchNorm(x, "\(name).\(part("norm", 1))"))
        y = try network.convolution(
          y, "\(name).\(convolution)", norm: "\(name).\(part("norm", 2))", size: 1, .relu)
        y = try network.convolution(y, "\(name).\(part("conv", 2))", size: 3)
        x = try network.concatenation(x, y)
        network.layer("layer\(block).\(layer - 1)", x)
      }
      if block < blocks {
        let name = "features.transition\(block)"
        x = try network.relu(try network.batchNorm(x, "\(name).norm"))
        x = try network.averagePool(
          try network.convolution(x, "\(name).conv", size: 1), size: 2, stride: 2)
      }
    }
    x = try network.meanPool(try network.relu(try network.batchNorm(x, "features.norm5")))
    network.representation(x)
    _ = try network.head(x, "classifier")
    let depth = 2 * counts.reduce(0, +) + blocks + 1
    return NetworkTraits(
      description: "DenseNet-\(depth), blocks \(counts.dashed)", side: 224, pixels: .imageNet)
  }
}
