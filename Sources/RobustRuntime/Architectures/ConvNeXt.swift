/// ConvNeXt (Liu et al., arXiv 2201.03545) under the names of torchvision, timm, its authors and transformers; also with
/// the convolutional stem of robust ones (Singh et al., arXiv 2303.01870).
enum ConvNeXt: Architecture {
  static let name = "convnext"
  static let title = "ConvNeXt"

  /// How a library names the parts of a network.
  private struct Names: Sendable {
    let stem, stemNorm: String
    /// The norm and the convolution before a stage, counted from 0.
    let downsample: @Sendable (_ stage: Int) -> String
    let block: @Sendable (_ stage: Int, _ block: Int) -> String
    let depthwise, norm, widening, narrowing, scale: String
    let lastNorm, head: String
    var lastEpsilon: Float = 1e-6

    static let torchvision = Names(
      stem: "features.0.0", stemNorm: "features.0.1", downsample: { "features.\(2 * $0)" },
      block: { "features.\(2 * $0 + 1).\($1)" }, depthwise: "block.0", norm: "block.2", widening: "block.3",
      narrowing: "block.5", scale: "layer_scale", lastNorm: "classifier.0", head: "classifier.2")
    static let timm = Names(
      stem: "stem.0", stemNorm: "stem.1", downsample: { "stages.\($0).downsample" },
      block: { "stages.\($0).blocks.\($1)" }, depthwise: "conv_dw", norm: "norm", widening: "mlp.fc1",
      narrowing: "mlp.fc2", scale: "gamma", lastNorm: "head.norm", head: "head.fc")
    static let authors = Names(
      stem: "downsample_layers.0.0", stemNorm: "downsample_layers.0.1",
      downsample: { "downsample_layers.\($0)" }, block: { "stages.\($0).\($1)" }, depthwise: "dwconv",
      norm: "norm", widening: "pwconv1", narrowing: "pwconv2", scale: "gamma", lastNorm: "norm", head: "head")
    static let transformers = Names(
      stem: "convnext.embeddings.patch_embeddings", stemNorm: "convnext.embeddings.layernorm",
      downsample: { "convnext.encoder.stages.\($0).downsampling_layer" },
      block: { "convnext.encoder.stages.\($0).layers.\($1)" }, depthwise: "dwconv", norm: "layernorm",
      widening: "pwconv1", narrowing: "pwconv2", scale: "layer_scale_parameter",
      lastNorm: "convnext.layernorm", head: "classifier", lastEpsilon: 1e-12)

    static let all = [torchvision, timm, authors, transformers]
  }

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let names =
      Names.all.first { network.has("\($0.block(0, 0)).\($0.depthwise).weight") } ?? Names.torchvision
    let activation = try network.activation(.gelu)
    let hasConvolutionalStem = network.has("stem.stem.0.weight")
    var x = network.input
    if hasConvolutionalStem {
      x = try convolutionalStem(network, x, "stem.stem")
    } else {
      x = try network.convolution(
        x, names.stem, size: 4, stride: 4, padding: Padding(0), bias: .required)
      x = try network.layerNorm(x, names.stemNorm)
    }
    network.layer("stem", x)

    var counts: [Int] = []
    var widths: [Int] = []
    for stage in 0..<network.count({ "\(names.block($0, 0)).\(names.depthwise).weight" }) {
      if stage > 0 {
        let name = names.downsample(stage)
        x = try network.layerNorm(x, "\(name).0")
        x = try network.convolution(
          x, "\(name).1", size: 2, stride: 2, padding: Padding(0), bias: .required)
      }
      let blocks = network.count { "\(names.block(stage, $0)).\(names.depthwise).weight" }
      counts.append(blocks)
      widths.append(x.channels)
      for block in 0..<blocks {
        let name = names.block(stage, block)
        var y = try network.convolution(
          x, "\(name).\(names.depthwise)", size: 7, groups: .depthwise, bias: .required)
        y = try network.layerNorm(y, "\(name).\(names.norm)")
        y = try network.activation(try network.linear(y, "\(name).\(names.widening)"), activation)
        y = try network.linear(y, "\(name).\(names.narrowing)")
        if network.has("\(name).\(names.scale)") { y = try network.scale(y, "\(name).\(names.scale)") }
        x = try network.add(y, x)
        network.layer("layer\(stage + 1).\(block)", x)
      }
    }
    x = try network.layerNorm(try network.meanPool(x), names.lastNorm, epsilon: names.lastEpsilon)
    network.representation(x)
    _ = try network.head(x, names.head)
    let stem = hasConvolutionalStem ? " with a convolutional stem" : ""
    return NetworkTraits(
      description: "ConvNeXt\(stem), blocks \(counts.dashed), widths \(widths.dashed)", side: 224,
      pixels: .imageNet)
  }

  /// Convolutions of 3x3, each with norm and GELU, of which the first two halve the map.
  private static func convolutionalStem(
    _ network: NetworkBuilder, _ input: NetworkBuilder.Value, _ name: String
  ) throws -> NetworkBuilder.Value {
    var x = input
    for k in 0..<(network.has("\(name).6.weight") ? 3 : 2) {
      x = try network.convolution(
        x, "\(name).\(3 * k)", size: 3, stride: k < 2 ? 2 : 1, bias: .required)
      x = try network.activation(try network.layerNorm(x, "\(name).\(3 * k + 1)"), .gelu)
    }
    return x
  }
}
