/// A graph made ready for computing, for any image size: for inference batch normalisation is folded into the
/// convolutions, sums and ReLUs are fused into what produces them.
package struct Network: Sendable {
  package enum Purpose: Sendable {
    case inference
    /// Training, in which norms stay operations of their own, so that they can use the statistics of a batch.
    case training
  }

  /// One operation, and what follows it value by value. Step k writes value k + 1; value 0 is the normalised input.
  struct Step: Sendable {
    var operation: any Operation
    var inputs: [Int]
    var activation = Activation.identity
  }

  struct Layer: Sendable {
    let name: String
    /// The number of the value.
    let value: Int
  }

  /// What was lowered, which says what images fit.
  private let graph: Graph
  let normalization: InputNormalization
  private(set) var steps: [Step]
  private(set) var layers: [Layer]
  package var stepCount: Int { steps.count }
  /// The step with the last activation before the pooled representation.
  private(set) var lastActivation: Int?

  /// The number of weights from which on memory counts for more than the last few percent of speed.
  private static let leastLarge = 16 << 20

  package init(_ graph: Graph, for purpose: Purpose = .inference) {
    self.graph = graph
    normalization = InputNormalization(mean: graph.mean, deviation: graph.deviation)
    let isLarge = graph.weightCount >= Network.leastLarge
    let lowered = (purpose == .inference ? graph.foldingNormalization() : graph)
      .flatteningWholeMaps().nestingConcatenations().fusingResiduals().fusingActivations()
    steps = lowered.nodes.dropFirst().map { node in
      Step(
        operation: node.operator.operation(keepsBothWeights: !isLarge), inputs: node.inputs,
        activation: node.operator.clip ?? node.activation)
    }
    layers = lowered.layers.map { Layer(name: $0.name, value: $0.node) }
    lastActivation = lowered.lastActivation.map { $0 - 1 }
  }

  var weightCount: Int { steps.reduce(0) { $0 + $1.operation.weightCount } }

  /// The network as far as a value, which becomes the last.
  func prefix(through value: Int) -> Network {
    var prefix = self
    prefix.steps = Array(steps.prefix(value))
    prefix.layers = layers.filter { $0.value <= value }
    if let step = lastActivation, step >= value { prefix.lastActivation = nil }
    return prefix
  }

  /// The number of the value that a layer is.
  func value(ofLayer name: String) -> Int? { layers.first { $0.name == name }?.value }

  /// The shape of each value for images of a size.
  /// - Throws: `RuntimeError.invalid` if they do not fit.
  func shapes(height: Int, width: Int) throws -> [Shape] {
    _ = try graph.shapes(height: height, width: width)
    var shapes = [Shape(channels: normalization.mean.count, height: height, width: width)]
    for step in steps { shapes.append(step.operation.outputShape(of: step.inputs.map { shapes[$0] })) }
    return shapes
  }
}

extension Graph.Operator {
  /// The activation that steps apply to what they write.
  fileprivate var clip: Activation? {
    if case .activation(let activation) = self, activation.isClip { activation } else { nil }
  }

  /// - Parameter keepsBothWeights: whether convolutions keep packed weights of their own for each direction.
  /// - Precondition: it is not the input.
  fileprivate func operation(keepsBothWeights: Bool) -> any Operation {
    switch self {
    case .input: preconditionFailure("the input is no step")
    case .convolution(let convolution):
      if let depthwise = convolution.depthwise {
        depthwise
      } else {
        keepsBothWeights ? convolution.keepingWeightsOfBothDirections() : convolution
      }
    case .batchNormalization(let affine): affine
    case .trainedNormalization(let norm): norm
    case .channelNormalization(let norm): norm
    case .groupNormalization(let norm): norm
    // Steps clip the copy.
    case .activation(.relu), .activation(.relu6), .activation(.identity), .add: Sum()
    case .activation(let activation): Pointwise(activation: activation)
    case .softmax: ChannelSoftmax()
    case .multiply: Product()
    case .addConstant(let map): map
    case .maxPool(let pool): pool
    case .averagePool(let pool): pool
    case .adaptiveAveragePool(let rows, let columns): AdaptiveAveragePool(rows: rows, columns: columns)
    case .meanPool: MeanPool()
    case .concatenation: ChannelGather(choice: .all)
    case .slice(let range): ChannelGather(choice: .slice(range))
    case .permutation(let order): ChannelGather(choice: .permutation(order))
    case .tokens(let tokens): tokens
    case .positions(let range): PositionSlice(range: range)
    case .grid(let range, let rows): PositionSlice(range: range, rows: rows)
    case .flatten: Flatten()
    case .attention(let attention): attention
    }
  }
}
