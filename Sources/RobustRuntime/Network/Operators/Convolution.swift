import CKernels

/// out[o] = bias[o] + Σ weights[o][i] ⋆ in[i], with zeros around the input. A second input, if there is one,
/// is added (the residual of a block). A linear layer is a 1x1 convolution of 1x1 maps.
package final class Convolution: Operation {
  struct Geometry: Sendable {
    let inChannels, outChannels: Int
    let height, width: Int
    let stride, pad, groups: Int
    /// How it is computed, where possible; nil: as fits the size of the maps.
    let algorithm: Algorithm?
    /// Whether the gradient makes do with the weights as they are packed for the convolution, where it can, transposing
    /// blocks of them when they are needed: half the memory, for a few percent of the time. So it is in networks whose
    /// weights do not stay in a cache.
    var sharesWeights = true
  }

  package enum Algorithm: Sendable, Equatable {
    /// What each position sees is multiplied where it lies.
    case direct
    /// Winograd's F(4x4, 3x3) or F(2x2, 3x3), by the side of a tile, for a stride of 1.
    case winograd(side: Int)
    /// The same with products of bfloat16, and the gradient of the weights too, by any algorithm.
    case winogradOfPairs(side: Int)
    /// Products of bfloat16: of rounded floats, one part, or, backward alone, of floats in two parts.
    case bfloat(parts: Int)
    /// Products of the bytes of whole numbers, forward alone.
    case bytes
  }

  /// [outChannels][inChannels / groups][height][width]
  enum Weights: Sendable {
    case floats([Float])
    case stored(StoredTensor)
    /// Trained, so that what is made of them is made again when they have changed.
    case parameter(ParameterReference)

    var count: Int {
      switch self {
      case .floats(let values): values.count
      case .stored(let tensor): tensor.count
      case .parameter(let parameter): parameter.count
      }
    }

    func withValues<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
      switch self {
      case .floats(let values): try values.withUnsafeBufferPointer(body)
      case .stored(let tensor): try tensor.withValues(body)
      case .parameter(let parameter):
        try body(UnsafeBufferPointer(start: parameter.values, count: parameter.count))
      }
    }
  }

  let geometry: Geometry
  private let weights: Weights
  /// Of the output channels; the weights themselves are shared, not multiplied. Without any it is 1.
  private let scale: [Float]
  private let bias: [Float]
  /// Instead of `bias`, where it is trained.
  private let biasParameter: ParameterReference?
  private let correlation: Correlation
  private let gradientCorrelations: [Correlation]
  /// Instead of these, where there are so few inputs that they would not fill the rows of a tile.
  private let gradientFold: Correlation?

  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  package convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1, weights: [Float], bias: [Float]? = nil, algorithm: Algorithm? = nil
  ) {
    self.init(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      pad: pad,
      groups: groups, weights: .floats(weights), bias: bias, algorithm: algorithm)
  }

  /// A convolution that is trained.
  /// - Precondition: as above.
  package convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1, parameter: ParameterReference, algorithm: Algorithm? = nil
  ) {
    self.init(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      pad: pad,
      groups: groups, weights: .parameter(parameter), algorithm: algorithm)
  }

  /// - Precondition: as above.
  convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1, weights: Weights, bias: [Float]? = nil, biasParameter: ParameterReference? = nil,
    algorithm: Algorithm? = nil
  ) {
    precondition(inChannels % groups == 0 && outChannels % groups == 0)
    precondition(weights.count == outChannels * (inChannels / groups) * height * width)
    self.init(
      Geometry(
        inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
        pad: pad, groups: groups, algorithm: algorithm),
      weights: weights, scale: [],
      bias: bias ?? [Float](repeating: 0, count: outChannels), biasParameter: biasParameter)
  }

  private init(
    _ geometry: Geometry, weights: Weights, scale: [Float], bias: [Float],
    biasParameter: ParameterReference? = nil
  ) {
    (self.geometry, self.weights, self.scale, self.bias) = (geometry, weights, scale, bias)
    self.biasParameter = biasParameter
    let correlation = geometry.correlation(weights, scale)
    self.correlation = correlation
    let isSmall = geometry.inChannels < Int(RT_LANES) / 2 && geometry.groups == 1 && geometry.canFold
    gradientFold = isSmall ? geometry.gradientFold(weights, scale) : nil
    gradientCorrelations =
      isSmall
      ? []
      : (0..<geometry.stride * geometry.stride).map {
        geometry.gradientCorrelation(
          of: correlation, weights, scale, y: $0 / geometry.stride, x: $0 % geometry.stride)
      }
  }

  /// The same with packed weights of its own for each direction.
  func keepingWeightsOfBothDirections() -> Convolution {
    var geometry = geometry
    geometry.sharesWeights = false
    return Convolution(geometry, weights: weights, scale: scale, bias: bias, biasParameter: biasParameter)
  }

  var weightCount: Int { weights.count }

  /// The convolution followed by a scale and shift of each channel, as one convolution.
  func followed(by affine: ChannelAffine) -> Convolution {
    Convolution(
      geometry, weights: weights, scale: scale.isEmpty ? affine.scale : zip(scale, affine.scale).map(*),
      bias: bias.indices.map { bias[$0] * affine.scale[$0] + affine.shift[$0] })
  }

  package func outputShape(of inputs: [Shape]) -> Shape {
    let g = geometry
    return Shape(
      channels: g.outChannels, height: (inputs[0].height + 2 * g.pad - g.height) / g.stride + 1,
      width: (inputs[0].width + 2 * g.pad - g.width) / g.stride + 1)
  }

  /// The weights, where they are trained.
  var parameter: ParameterReference? {
    if case .parameter(let parameter) = weights { parameter } else { nil }
  }

  fileprivate func copyBias(to filled: UnsafeMutablePointer<Float>) {
    if let biasParameter { rt_copy(filled, biasParameter.values, biasParameter.count) }
  }

  /// Adds the gradient of the bias, the sum over all positions.
  fileprivate func addBiasGradient(of output: Tensor) {
    guard let biasParameter else { return }
    let gradient = biasParameter.gradient
    for channel in 0..<output.shape.channels {
      let (block, lane) = channel.quotientAndRemainder(dividingBy: Tensor.lanes)
      let from = output.gradient + block * output.step + lane
      gradient[channel] += Float((0..<output.positions).reduce(0.0) { $0 + Double(from[$1 * Tensor.lanes]) })
    }
  }

  func backwardReads(input: Int, training: Bool) -> Bool { training && input == 0 && parameter != nil }
  let passesGradientToSecondInput = true

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (images, input) = (output.images, inputs[0])
    func backward() throws -> [any BoundCorrelation] {
      if let gradientFold {
        return [
          try FoldedGradient(
            gradientFold, of: geometry, images: images, from: output.shape, to: input.shape)
        ]
      }
      return try gradientCorrelations.map {
        try $0.bound(images: images, from: output.shape, to: input.shape, preferring: geometry.algorithm)
      }
    }
    let filled = try FloatBlock(count: output.shape.channelBlocks * Tensor.lanes)
    rt_copy(filled.base, output.shape.filled(bias), output.shape.channelBlocks * Tensor.lanes)
    return try BoundConvolution(
      convolution: self, bias: filled, input: input,
      residual: inputs.count > 1 ? inputs[1] : nil, output: output,
      forward: correlation.bound(
        images: images, from: input.shape, to: output.shape, preferring: geometry.algorithm),
      backward: gradient ? backward() : [],
      weightGradient: gradient && parameter != nil
        ? geometry.weightGradient(images: images, from: input.shape, to: output.shape) : nil)
  }
}

extension Convolution.Geometry {
  fileprivate func correlation(_ weights: Convolution.Weights, _ scale: [Float]) -> Correlation {
    let (ins, outs, area) = (inChannels / groups, outChannels / groups, height * width)
    return Correlation(
      inChannels: ins, outChannels: outs, groups: groups, groupStep: outs * ins * area,
      window: Correlation.Window(tapsHeight: height, tapsWidth: width, step: stride, top: -pad, left: -pad),
      weights: Correlation.Weights(
        values: weights, scale: scale, outStep: ins * area, inStep: area, rowStep: width, columnStep: 1),
      sharesWeights: sharesWeights)
  }

  fileprivate var canFold: Bool { pad <= width && height * width > 1 }

  /// For each input channel and tap, its products with the output's gradient at each position.
  fileprivate func gradientFold(_ weights: Convolution.Weights, _ scale: [Float]) -> Correlation {
    let taps = inChannels * height * width
    return Correlation(
      inChannels: outChannels, outChannels: taps, groups: 1, groupStep: 0,
      window: Correlation.Window(tapsHeight: 1, tapsWidth: 1, top: 0, left: 0),
      weights: Correlation.Weights(
        values: weights, scale: scale, scalesInputs: true, outStep: 1, inStep: taps, rowStep: 0,
        columnStep: 0))
  }

  /// The gradient by the input: for each remainder of the input's position by the stride, a correlation of
  /// the output's gradient with those weights, rotated, that met such positions. With a stride of 1 there is
  /// one.
  fileprivate func gradientCorrelation(
    of convolution: Correlation, _ weights: Convolution.Weights, _ scale: [Float], y: Int, x: Int
  ) -> Correlation {
    // Input row q·stride + y met tap `first` + stride·j at output row q + `last` − j.
    func taps(_ offset: Int, _ size: Int) -> (first: Int, count: Int, last: Int) {
      let (last, first) = (offset + pad).quotientAndRemainder(dividingBy: stride)
      return (first, max((size - first + stride - 1) / stride, 0), last)
    }
    let (rows, columns) = (taps(y, height), taps(x, width))
    let (ins, outs, area) = (inChannels / groups, outChannels / groups, height * width)
    let lastTap =
      (rows.first + stride * (rows.count - 1)) * width + columns.first + stride * (columns.count - 1)
    return Correlation(
      inChannels: outs, outChannels: ins, groups: groups, groupStep: outs * ins * area,
      window: Correlation.Window(
        tapsHeight: rows.count, tapsWidth: columns.count, top: rows.last - rows.count + 1,
        left: columns.last - columns.count + 1, spread: stride, y: y, x: x),
      weights: Correlation.Weights(
        values: weights, scale: scale, scalesInputs: true, first: lastTap, outStep: area, inStep: ins * area,
        rowStep: -stride * width,
        columnStep: -stride),
      gradientOf: convolution, sharesWeights: sharesWeights)
  }
}

private struct BoundConvolution: BoundOperation {
  let convolution: Convolution
  /// Up to whole blocks of channels.
  let bias: FloatBlock
  let input: Tensor
  let residual: Tensor?
  let output: Tensor
  let forward: any BoundCorrelation
  let backward: [any BoundCorrelation]
  let weightGradient: (any BoundWeightGradient)?

  var scratch: Int {
    max(forward.scratch, backward.map(\.scratch).max() ?? 0, weightGradient?.scratch ?? 0)
  }
  var sharedScratch: Int {
    max(forward.sharedScratch, backward.map(\.sharedScratch).max() ?? 0, weightGradient?.sharedScratch ?? 0)
  }

  func forward(relu: Bool, scratch: Scratch) {
    convolution.copyBias(to: bias.base)
    input.clearOutside(of: input.value)
    forward.run(
      input.value, output.value,
      Finish(
        bias: bias.base, residual: residual.map { UnsafePointer($0.value) }, relu: relu,
        positive: relu ? output.positive : nil),
      scratch)
  }

  func addParameterGradients(scratch: Scratch) {
    convolution.addBiasGradient(of: output)
    guard let weightGradient, let parameter = convolution.parameter else { return }
    input.clearOutside(of: input.valueForWeights)
    output.clearOutside(of: output.gradient)
    weightGradient.add(input.valueForWeights, output.gradient, to: parameter.gradient, scratch)
  }

  func backward(maskInput: Bool, scratch: Scratch) {
    residual?.addGradient(output.gradient)
    output.clearOutside(of: output.gradient)
    // Positions that no tap met have no correlation to write their zeros.
    let hasGaps = backward.contains(where: \.isEmpty)
    if hasGaps && !input.hasGradient { input.zeroGradient() }
    let accumulate = input.hasGradient || hasGaps
    let masks = maskInput && backward.allSatisfy(\.canMask)
    for part in backward {
      part.run(
        output.gradient, input.gradient,
        Finish(mask: masks ? UnsafePointer(input.positive!) : nil, accumulate: accumulate), scratch)
    }
    input.hasGradient = true
    input.gradientIsMasked = masks
  }
}
