/// MobileNetV2 (Sandler et al., arXiv 1801.04381) under torchvision's names, of any width.
enum MobileNetV2: Architecture {
  static let name = "mobilenetv2"
  static let title = "MobileNetV2"

  /// The strides of the 17 blocks, which the tensors do not tell.
  private static let strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    var x = try network.convolution(
      network.input, "features.0.0", norm: "features.0.1", size: 3, stride: 2, .relu6)
    network.layer("stem", x)
    for (k, stride) in strides.enumerated() {
      let name = "features.\(k + 1).conv"
      // The first block does not widen its input.
      let widens = network.has("\(name).1.0.weight")
      var y = x
      if widens {
        y = try network.convolution(y, "\(name).0.0", norm: "\(name).0.1", size: 1, .relu6)
      }
      let (depthwise, last) = widens ? (1, 2) : (0, 1)
      y = try network.convolution(
        y, "\(name).\(depthwise).0", norm: "\(name).\(depthwise).1", size: 3, stride: stride,
        groups: .depthwise, .relu6)
      y = try network.convolution(y, "\(name).\(last)", norm: "\(name).\(last + 1)", size: 1)
      x = stride == 1 && y.channels == x.channels ? try network.add(y, x) : y
      network.layer("layer\(k + 1)", x)
    }
    x = try network.convolution(x, "features.18.0", norm: "features.18.1", size: 1, .relu6)
    x = try network.meanPool(x)
    network.representation(x)
    _ = try network.head(x, "classifier.1")
    return NetworkTraits(
      description: "MobileNetV2, 17 blocks", side: 224,
      pixels: .imageNet)
  }
}
