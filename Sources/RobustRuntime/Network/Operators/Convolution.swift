import CKernels

/// out[o] = bias[o] + Σ weights[o][i] ⋆ in[i], with zeros around the input. A second input, if there is one,
/// is added (the residual of a block). A linear layer is a 1x1 convolution of 1x1 maps.
package final class Convolution: Operation {
  package struct Geometry: Sendable {
    package let inChannels, outChannels: Int
    package let height, width: Int
    package let stride: Int
    package let padding: Padding
    package let groups: Int
    /// The algorithm where the shapes allow it; nil: the one that is expected to take the least time.
    let algorithm: Algorithm?
    /// Whether the gradient makes do, where it can, with the weights as they are packed for the convolution, transposing
    /// row blocks when they are needed: half the memory, for a few percent of the time. So do networks whose weights do
    /// not stay in a cache.
    var sharesWeights = true
  }

  /// [outChannels][inChannels / groups][height][width]
  enum Weights: Sendable {
    case floats([Float])
    case stored(StoredTensor)
    /// Trained weights, which are packed again when they have changed.
    case parameter(ParameterReference)

    var count: Int {
      switch self {
      case .floats(let values): values.count
      case .stored(let tensor): tensor.count
      case .parameter(let parameter): parameter.count
      }
    }

    /// The weights with zeros between the taps.
    fileprivate func dilated(height: Int, width: Int, by dilation: Int) -> [Float] {
      let (tallest, widest) = ((height - 1) * dilation + 1, (width - 1) * dilation + 1)
      let planes = count / (height * width)
      var dilated = [Float](repeating: 0, count: planes * tallest * widest)
      withValues { values in
        for plane in 0..<planes {
          for y in 0..<height {
            for x in 0..<width {
              dilated[(plane * tallest + y * dilation) * widest + x * dilation] =
                values[(plane * height + y) * width + x]
            }
          }
        }
      }
      return dilated
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

  package let geometry: Geometry
  private let weights: Weights
  /// Factors of the output channels; the weights themselves are shared, not multiplied. None: 1.
  private let scale: [Float]
  private let bias: [Float]
  /// The bias where it is trained, instead of `bias`.
  private let biasParameter: ParameterReference?
  private let correlation: Correlation
  private let gradientCorrelations: [Correlation]
  /// The products of col2im, instead of `gradientCorrelations`, where there are so few inputs that they would not
  /// fill a row block.
  private let col2ImProducts: Correlation?
  /// The gradient by Winograd's algorithm for a stride of 2, instead of `gradientCorrelations`, where that is used.
  private let stridedGradient: Correlation?

  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  package convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1, weights: [Float], bias: [Float]? = nil, algorithm: Algorithm? = nil
  ) {
    self.init(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      padding: Padding(pad), groups: groups, weights: .floats(weights), bias: bias, algorithm: algorithm)
  }

  /// - Parameter dilation: the distance of the window's taps.
  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  package convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int, padding: Padding,
    dilation: Int = 1, groups: Int = 1, weights: [Float], bias: [Float]? = nil
  ) {
    self.init(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      padding: padding, dilation: dilation, groups: groups, weights: .floats(weights), bias: bias)
  }

  /// A convolution that is trained.
  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  package convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1, pad: Int = 0,
    groups: Int = 1, parameter: ParameterReference, algorithm: Algorithm? = nil
  ) {
    self.init(
      inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
      padding: Padding(pad), groups: groups, weights: .parameter(parameter), algorithm: algorithm)
  }

  /// - Precondition: the sizes fit together, and `groups` divides both numbers of channels.
  convenience init(
    inChannels: Int, outChannels: Int, height: Int, width: Int, stride: Int = 1,
    padding: Padding = Padding(0), dilation: Int = 1, groups: Int = 1, weights: Weights,
    bias: [Float]? = nil, biasParameter: ParameterReference? = nil, algorithm: Algorithm? = nil
  ) {
    precondition(inChannels % groups == 0 && outChannels % groups == 0)
    precondition(weights.count == outChannels * (inChannels / groups) * height * width)
    var (height, width, weights) = (height, width, weights)
    if dilation > 1 && height * width > 1 {
      weights = .floats(weights.dilated(height: height, width: width, by: dilation))
      (height, width) = ((height - 1) * dilation + 1, (width - 1) * dilation + 1)
    }
    self.init(
      Geometry(
        inChannels: inChannels, outChannels: outChannels, height: height, width: width, stride: stride,
        padding: padding, groups: groups, algorithm: algorithm),
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
    let isSmall = geometry.inChannels < Tensor.blockSize / 2 && geometry.groups == 1 && geometry.canCol2Im
    col2ImProducts = isSmall ? geometry.col2ImProducts(weights, scale) : nil
    let isTrained = if case .parameter = weights { true } else { false }
    stridedGradient =
      isTrained && geometry.allowsStridedWinograd
      ? geometry.stridedGradient(of: correlation, weights, scale) : nil
    gradientCorrelations =
      isSmall
      ? []
      : (0..<geometry.stride * geometry.stride).map {
        geometry.gradientCorrelation(
          of: correlation, weights, scale, y: $0 / geometry.stride, x: $0 % geometry.stride)
      }
  }

  /// This convolution with packed weights of its own for each direction.
  func keepingWeightsOfBothDirections() -> Convolution {
    var geometry = geometry
    geometry.sharesWeights = false
    return Convolution(geometry, weights: weights, scale: scale, bias: bias, biasParameter: biasParameter)
  }

  var weightCount: Int { weights.count }

  /// The weights, [outChannels][inChannels / groups][height][width], with the factors of the output channels.
  package var weightValues: [Float] {
    let row = weights.count / geometry.outChannels
    return weights.withValues { values in
      values.indices.map { scale.isEmpty ? values[$0] : values[$0] * scale[$0 / row] }
    }
  }

  /// [outChannels]
  package var biasValues: [Float] {
    guard let biasParameter else { return bias }
    return Array(UnsafeBufferPointer(start: biasParameter.values, count: biasParameter.count))
  }

  /// The convolution followed by a scale and shift of each channel.
  func followed(by affine: ChannelAffine) -> Convolution {
    Convolution(
      geometry, weights: weights, scale: scale.isEmpty ? affine.scale : zip(scale, affine.scale).map(*),
      bias: bias.indices.map { bias[$0] * affine.scale[$0] + affine.shift[$0] })
  }

  var title: String { "conv \(geometry.height)x\(geometry.width)/\(geometry.stride)" }
  var productsPerOutput: Int { geometry.inChannels / geometry.groups * geometry.height * geometry.width }

  package func outputShape(of inputs: [Shape]) -> Shape { geometry.outputShape(of: inputs[0]) }

  /// This convolution for the flattened values of maps as large as the window. Nil: the window is of one position, sees zeros
  /// around the map, or is in groups or trained.
  var linearOfWholeMap: Convolution? {
    let g = geometry
    guard g.height * g.width > 1, g.padding == Padding(0), g.groups == 1, parameter == nil, scale.isEmpty
    else { return nil }
    return Convolution(
      inChannels: g.inChannels * g.height * g.width, outChannels: g.outChannels, height: 1, width: 1,
      weights: weights, bias: bias)
  }

  /// This convolution of vectors of channels, where each channel has a window of its own. Nil: they have not, or are trained.
  var depthwise: DepthwiseConvolution? {
    guard geometry.groups == geometry.inChannels, geometry.groups == geometry.outChannels,
      geometry.groups > 1, parameter == nil
    else { return nil }
    return weights.withValues {
      DepthwiseConvolution(geometry, weights: Array($0), scale: scale, bias: bias)
    }
  }

  /// The parameter of the weights, where they are trained.
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
      let (block, offset) = channel.quotientAndRemainder(dividingBy: Tensor.blockSize)
      let from = output.gradient + block * output.blockStride + offset
      gradient[channel] += Float(
        (0..<output.positions).reduce(0.0) { $0 + Double(from[$1 * Tensor.blockSize]) })
    }
  }

  func backwardReads(input: Int, training: Bool) -> Bool { training && input == 0 && parameter != nil }
  let passesGradientToSecondInput = true

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (images, input) = (output.images, inputs[0])
    let stridedGradient =
      geometry.usesStridedWinograd(images: images, from: input.shape, to: output.shape)
      ? self.stridedGradient : nil
    func forward() throws -> any BoundCorrelation {
      if stridedGradient != nil {
        return try StridedWinogradCorrelation(
          correlation, RT_STRIDED_FORWARD, images: images, from: input.shape, to: output.shape)
      }
      return try correlation.bound(
        images: images, from: input.shape, to: output.shape, preferring: geometry.algorithm)
    }
    func backward() throws -> [any BoundCorrelation] {
      if let stridedGradient {
        return [
          try StridedWinogradCorrelation(
            stridedGradient, RT_STRIDED_GRADIENT, images: images, from: input.shape, to: output.shape)
        ]
      }
      if let col2ImProducts {
        return [
          try Col2ImGradient(
            col2ImProducts, of: geometry, images: images, from: output.shape, to: input.shape)
        ]
      }
      return try gradientCorrelations.map {
        try $0.bound(images: images, from: output.shape, to: input.shape, preferring: geometry.algorithm)
      }
    }
    let filled = try FloatBlock(count: output.shape.channelBlocks * Tensor.blockSize)
    rt_copy(filled.base, output.shape.filled(bias), output.shape.channelBlocks * Tensor.blockSize)
    return try BoundConvolution(
      convolution: self, bias: filled, input: input,
      residual: inputs.count > 1 ? inputs[1] : nil, output: output,
      forward: forward(), backward: gradient ? backward() : [],
      weightGradient: gradient && parameter != nil
        ? geometry.weightGradient(images: images, from: input.shape, to: output.shape) : nil)
  }
}

extension Convolution.Geometry {
  func outputShape(of input: Shape) -> Shape {
    Shape(
      channels: outChannels,
      height: (input.height + padding.top + padding.bottom - height) / stride + 1,
      width: (input.width + padding.left + padding.right - width) / stride + 1)
  }

  fileprivate func correlation(_ weights: Convolution.Weights, _ scale: [Float]) -> Correlation {
    let (ins, outs, area) = (inChannels / groups, outChannels / groups, height * width)
    return Correlation(
      inChannels: ins, outChannels: outs, groups: groups, groupStride: outs * ins * area,
      window: Correlation.Window(
        tapsHeight: height, tapsWidth: width, stride: stride, top: -padding.top, left: -padding.left),
      weights: Correlation.Weights(
        values: weights, scale: scale, outStride: ins * area, inStride: area, rowStride: width,
        columnStride: 1),
      sharesWeights: sharesWeights)
  }

  /// Whether Winograd's algorithm for a stride of 2 covers these shapes.
  fileprivate var allowsStridedWinograd: Bool {
    groups == 1 && height == 3 && width == 3 && stride == 2 && padding == Padding(1)
      && inChannels > Tensor.blockSize * 3 / 4
  }

  /// Whether training uses Winograd's algorithm for a stride of 2. Units for products of matrices have less to do by the
  /// direct one.
  func usesStridedWinograd(images: Int, from input: Shape, to output: Shape) -> Bool {
    guard allowsStridedWinograd else { return false }
    if algorithm != nil { return algorithm == .winograd(side: 4) }
    return Precision.current == .float32 && rt_available_unit() != RT_UNIT_AMX
      && StridedMaps(images: images, from: input, to: output).savesTime
  }

  /// The gradient by the input, with taps as they are: the kernels know which of them meet which positions.
  fileprivate func stridedGradient(
    of convolution: Correlation, _ weights: Convolution.Weights, _ scale: [Float]
  ) -> Correlation {
    Correlation(
      inChannels: outChannels, outChannels: inChannels, groups: 1, groupStride: 0,
      window: Correlation.Window(tapsHeight: 3, tapsWidth: 3, top: 0, left: 0),
      weights: Correlation.Weights(
        values: weights, scale: scale, scalesInputs: true, outStride: 9, inStride: inChannels * 9,
        rowStride: 3, columnStride: 1),
      gradientOf: convolution)
  }

  fileprivate var canCol2Im: Bool {
    max(padding.top, padding.left, padding.bottom, padding.right) <= width && height * width > 1
  }

  /// For each input channel and tap, its products with the output's gradient at each position.
  fileprivate func col2ImProducts(_ weights: Convolution.Weights, _ scale: [Float]) -> Correlation {
    let taps = inChannels * height * width
    return Correlation(
      inChannels: outChannels, outChannels: taps, groups: 1, groupStride: 0,
      window: Correlation.Window(tapsHeight: 1, tapsWidth: 1, top: 0, left: 0),
      weights: Correlation.Weights(
        values: weights, scale: scale, scalesInputs: true, outStride: 1, inStride: taps, rowStride: 0,
        columnStride: 0))
  }

  /// The gradient by the input: for each remainder of the input's position by the stride, a correlation of
  /// the output's gradient with those weights, rotated, that met such positions. With a stride of 1 there is
  /// one.
  fileprivate func gradientCorrelation(
    of convolution: Correlation, _ weights: Convolution.Weights, _ scale: [Float], y: Int, x: Int
  ) -> Correlation {
    // Input row q·stride + y met tap `first` + stride·j at output row q + `last` − j.
    func taps(_ offset: Int, _ size: Int, _ pad: Int) -> (first: Int, count: Int, last: Int) {
      let (last, first) = (offset + pad).quotientAndRemainder(dividingBy: stride)
      return (first, max((size - first + stride - 1) / stride, 0), last)
    }
    let (rows, columns) = (taps(y, height, padding.top), taps(x, width, padding.left))
    let (ins, outs, area) = (inChannels / groups, outChannels / groups, height * width)
    let lastTap =
      (rows.first + stride * (rows.count - 1)) * width + columns.first + stride * (columns.count - 1)
    return Correlation(
      inChannels: outs, outChannels: ins, groups: groups, groupStride: outs * ins * area,
      window: Correlation.Window(
        tapsHeight: rows.count, tapsWidth: columns.count, top: rows.last - rows.count + 1,
        left: columns.last - columns.count + 1, outStride: stride, outY: y, outX: x),
      weights: Correlation.Weights(
        values: weights, scale: scale, scalesInputs: true, first: lastTap, outStride: area,
        inStride: ins * area,
        rowStride: -stride * width,
        columnStride: -stride),
      gradientOf: convolution, sharesWeights: sharesWeights)
  }
}

private struct BoundConvolution: BoundOperation {
  let convolution: Convolution
  /// [output channel], up to whole blocks.
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

  func forward(_ activation: Activation, scratch: Scratch) {
    convolution.copyBias(to: bias.base)
    input.clearZeroPixel(of: input.value)
    forward.run(
      input.value, output.value,
      Epilogue(
        bias: bias.base, residual: residual.map { UnsafePointer($0.value) }, activation: activation,
        reluMask: activation.isClip ? output.reluMask : nil),
      scratch)
  }

  func addParameterGradients(scratch: Scratch) {
    convolution.addBiasGradient(of: output)
    guard let weightGradient, let parameter = convolution.parameter else { return }
    input.clearZeroPixel(of: input.valueForWeights)
    output.clearZeroPixel(of: output.gradient)
    weightGradient.add(input.valueForWeights, output.gradient, to: parameter.gradient, scratch)
  }

  func backward(maskInput: Bool, scratch: Scratch) {
    residual?.addGradient(output.gradient)
    output.clearZeroPixel(of: output.gradient)
    // No correlation writes the zeros of positions that no tap met.
    let hasGaps = backward.contains(where: \.isEmpty)
    if hasGaps && !input.hasGradient { input.zeroGradient() }
    let accumulate = input.hasGradient || hasGaps
    let masks = maskInput && backward.allSatisfy(\.canMask)
    for correlation in backward {
      correlation.run(
        output.gradient, input.gradient,
        Epilogue(keep: masks ? UnsafePointer(input.reluMask!) : nil, accumulate: accumulate), scratch)
    }
    input.hasGradient = true
    input.gradientIsMasked = masks
  }
}
