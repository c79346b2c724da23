/// VGG (Simonyan, Zisserman, arXiv 1409.1556), with or without batch normalisation, under torchvision's names; with one
/// linear layer at the end, as those for small images have it, too.
enum VGG: Architecture {
  static let name = "vgg"
  static let title = "VGG"

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    var x = network.input
    // A module that is no convolution, norm or ReLU is a max-pool, which has no tensors.
    var (module, stage, index, layers, hasNorms) = (0, 0, 0, 0, false)
    while true {
      if network.has("features.\(module).weight") {
        x = try network.convolution(x, "features.\(module)", size: 3, bias: .optional)
        if network.has("features.\(module + 1).running_mean") {
          module += 1
          hasNorms = true
          x = try network.batchNorm(x, "features.\(module)")
        }
        x = try network.relu(x)
        network.layer("layer\(stage + 1).\(index)", x)
        (module, index, layers) = (module + 2, index + 1, layers + 1)
      } else if index > 0 {
        x = try network.maxPool(x, size: 2, stride: 2)
        (module, stage, index) = (module + 1, stage + 1, 0)
      } else {
        break
      }
    }
    guard layers > 0 else { throw network.file.refuse("'features.0.weight' is missing") }

    let isSmall = network.has("classifier.weight")
    if isSmall {
      x = try network.meanPool(x)
    } else {
      x = try network.adaptiveAveragePool(x, side: 7)
      x = try network.relu(try network.linear(x, "classifier.0", ofMaps: 7))
      x = try network.relu(try network.linear(x, "classifier.3"))
    }
    network.representation(x)
    _ = try network.head(x, isSmall ? "classifier" : "classifier.6")
    let depth = layers + (isSmall ? 1 : 3)
    return NetworkTraits(
      description: "VGG-\(depth)\(hasNorms ? " with batch normalisation" : "")",
      side: isSmall ? 32 : 224, pixels: isSmall ? .none : .imageNet)
  }
}
