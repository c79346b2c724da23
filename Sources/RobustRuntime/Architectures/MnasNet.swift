/// MnasNet (Tan et al., arXiv 1807.11626) under torchvision's names, of any width.
enum MnasNet: Architecture {
  static let name = "mnasnet"
  static let title = "MnasNet"

  /// The strides of the first blocks of the stacks, which the tensors do not tell.
  private static let strides = [2, 2, 2, 1, 2, 1]

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    var x = try network.convolution(network.input, "layers.0", norm: "layers.1", size: 3, stride: 2, .relu)
    x = try network.convolution(x, "layers.3", norm: "layers.4", size: 3, groups: .depthwise, .relu)
    x = try network.convolution(x, "layers.6", norm: "layers.7", size: 1)
    network.layer("stem", x)

    var counts: [Int] = []
    for (stack, stride) in strides.enumerated() {
      let blocks = network.count { "layers.\(stack + 8).\($0).layers.0.weight" }
      guard blocks > 0 else {
        throw network.file.refuse("'layers.\(stack + 8).0.layers.0.weight' is missing")
      }
      counts.append(blocks)
      for block in 0..<blocks {
        let name = "layers.\(stack + 8).\(block).layers"
        let window = try network.shape("\(name).3.weight", [nil, 1, nil, nil])
        guard window[2] == 3 || window[2] == 5 else {
          throw network.file.refuse("\(name).3 is \(window[2])x\(window[3]); only 3x3 and 5x5 are known")
        }
        var y = try network.convolution(x, "\(name).0", norm: "\(name).1", size: 1, .relu)
        y = try network.convolution(
          y, "\(name).3", norm: "\(name).4", size: window[2], stride: block == 0 ? stride : 1,
          groups: .depthwise, .relu)
        y = try network.convolution(y, "\(name).6", norm: "\(name).7", size: 1)
        let isResidual = y.channels == x.channels && y.reduction == x.reduction
        x = isResidual ? try network.add(y, x) : y
        network.layer("layer\(stack + 1).\(block)", x)
      }
    }
    x = try network.convolution(x, "layers.14", norm: "layers.15", size: 1, .relu)
    x = try network.meanPool(x)
    network.representation(x)
    _ = try network.head(x, "classifier.1")
    return NetworkTraits(description: "MnasNet, blocks \(counts.dashed)", side: 224, pixels: .imageNet)
  }
}
