/// Builds the graph of a network from the tensors of a checkpoint, whose shapes it checks; or only checks them.
///
/// Layers are named as PyTorch's modules are: the weight of "conv1" is the tensor "conv1.weight".
final class NetworkBuilder {
  /// The value of a node.
  struct Value {
    fileprivate let node: Int
    let channels: Int
    /// Image pixels for one position, along one side; 0: pooled over all positions.
    var reduction: Int
  }

  /// Whether a layer has a bias.
  enum Bias { case none, required, optional }

  /// How many groups of channels a convolution has.
  enum Groups {
    case one
    /// As many as channels, of which each gives as many channels.
    case depthwise
    /// As many as the shape of the weights says.
    case any
  }

  let file: any TensorFile
  /// The graph so far; nil: shapes are only checked.
  private(set) var graph: Graph?
  private(set) var layers: [LayerFacts] = []
  private(set) var head = (weight: "", classCount: 0)
  /// What the tensors do not tell and nothing else does.
  private(set) var assumptions: [String] = []

  /// Whether what the metadata say was refused.
  private(set) var hasWrongMetadata = false

  private let training: (parameters: Parameters, mode: NormMode)?
  private let classes: TrainableModel.Head?
  private var nodeCount = 1
  private var used: Set<String> = []
  private var ignored: [String] = []

  /// The largest reduction that a network may have.
  private static let largestReduction = 1 << 12

  /// A builder that only checks shapes.
  init(checking file: any TensorFile) {
    self.file = file
    (graph, training, classes) = (nil, nil, nil)
  }

  init(
    _ file: any TensorFile, _ pixels: PixelStatistics,
    training: (parameters: Parameters, mode: NormMode)?, head classes: TrainableModel.Head?
  ) {
    self.file = file
    (self.training, self.classes) = (training, classes)
    graph = Graph(mean: pixels.mean, deviation: pixels.deviation)
  }

  /// The normalised image.
  var input: Value { Value(node: 0, channels: 3, reduction: 1) }

  // MARK: Tensors

  /// Tensors that were asked for and are there.
  var uses: Int { used.count }

  func has(_ name: String) -> Bool { file.shape(name) != nil }

  /// How many of some names that are counted up from 0 are there.
  func count(from first: Int = 0, _ name: (Int) -> String) -> Int {
    var count = 0
    while has(name(first + count)) { count += 1 }
    return count
  }

  /// The shape of a tensor.
  /// - Parameter expected: its extents; nil: any.
  /// - Throws: `CheckpointError` if it is missing or has another shape.
  func shape(_ name: String, _ expected: [Int?]) throws -> [Int] {
    guard let shape = file.shape(name) else { throw file.refuse("\(name.quoted) is missing") }
    used.insert(name)
    guard shape.count == expected.count, zip(shape, expected).allSatisfy({ $1 == nil || $0 == $1 }),
      shape.allSatisfy({ $0 > 0 })
    else {
      let wanted = expected.map { $0.map(String.init) ?? "n" }.joined(separator: ", ")
      throw file.refuse("\(name.quoted) has the shape \(shape), not [\(wanted)]")
    }
    return shape
  }

  /// The values of a tensor [1, rows, columns]; zeros where shapes are only checked.
  func values(_ name: String, rows: Int, columns: Int) throws -> [Float] {
    let shape = try self.shape(name, [1, rows, columns])
    return graph == nil ? [Float](repeating: 0, count: shape[1] * shape[2]) : try file.values(name)
  }

  /// The values of a tensor of so many, whose shape may have ones beside; zeros where shapes are only checked.
  func values(_ name: String, count: Int) throws -> [Float] {
    guard let shape = file.shape(name) else { throw file.refuse("\(name.quoted) is missing") }
    used.insert(name)
    guard shape.filter({ $0 != 1 }) == [count].filter({ $0 != 1 }) else {
      throw file.refuse("\(name.quoted) has the shape \(shape), not [\(count)]")
    }
    return graph == nil ? [Float](repeating: 0, count: count) : try file.values(name)
  }

  /// Tensors whose names begin so are known to do nothing.
  func ignore(_ prefix: String) { ignored.append(prefix) }

  /// Tensors beside those of the network would do something to what it computes: it is another architecture then, of
  /// which part has the same names (squeeze and excitation, ECA, biases of convolutions).
  func refuseOthers() throws {
    let beside: Set = ["mean", "std"]
    let others = file.tensors.filter { name, facts in
      !used.contains(name) && !beside.contains(name) && !name.hasPrefix("seeds.")
        && !name.hasSuffix(".num_batches_tracked") && facts.type.isReal
        && !ignored.contains(where: name.hasPrefix)
    }.keys.sorted()
    guard let first = others.first else { return }
    let more = others.count - 1
    throw file.refuse(
      "it has \(first.quoted)" + (more == 0 ? "" : " and \(more) more \(more == 1 ? "tensor" : "tensors")")
        + " that such a network does not use, so it is of another architecture")
  }

  // MARK: What the metadata tell

  /// A whole number of the metadata.
  /// - Throws: `CheckpointError` if it is no number in the range.
  func number(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = file.metadata[key] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      hasWrongMetadata = true
      throw file.refuse("\(key) is \(text.quoted), not a whole number in \(range)")
    }
    return number
  }

  /// The activation that the metadata name, else the family's.
  /// - Parameter isCertain: whether all networks of the family have it.
  func activation(_ usual: Activation, isCertain: Bool = true) throws -> Activation {
    let names: [String: Activation] = [
      "relu": .relu, "relu6": .relu6, "silu": .silu, "swish": .silu, "gelu": .gelu,
      "gelu_tanh": .geluTanh, "hard_swish": .hardSwish, "tanh": .tanh,
    ]
    guard let text = file.metadata["activation"] else {
      if !isCertain { assume("the activation is assumed to be \(usual)") }
      return usual
    }
    guard let activation = names[text.lowercased()] else {
      hasWrongMetadata = true
      let known = names.keys.sorted().joined(separator: ", ")
      throw file.refuse("the activation \(text.quoted) is not known; known are: \(known)")
    }
    return activation
  }

  func assume(_ text: String) { assumptions.append(text) }

  // MARK: Operators

  private func add(
    _ operator: @autoclosure () throws -> Graph.Operator, _ inputs: [Value], channels: Int? = nil,
    reduction: Int? = nil
  ) throws -> Value {
    let reduction = reduction ?? inputs[0].reduction
    guard reduction <= NetworkBuilder.largestReduction else {
      throw file.refuse("the network makes images smaller by more than \(NetworkBuilder.largestReduction)")
    }
    if graph != nil {
      let made = try `operator`()
      _ = graph!.add(made, inputs.map(\.node))
    }
    nodeCount += 1
    return Value(node: nodeCount - 1, channels: channels ?? inputs[0].channels, reduction: reduction)
  }

  /// A convolution.
  /// - Parameters:
  ///   - size: the height and width of its window.
  ///   - dilation: the distance of its taps.
  ///   - padding: nil: half the window.
  ///   - standardized: the epsilon of weight standardisation (Qiao et al., arXiv 1903.10520); nil: there is none.
  func convolution(
    _ x: Value, _ name: String, size: Int, stride: Int = 1, dilation: Int = 1, padding: Padding? = nil,
    groups: Groups = .one, bias: Bias = .none, standardized epsilon: Float? = nil
  ) throws -> Value {
    let weight = "\(name).weight"
    let perGroup: Int? =
      switch groups {
      case .one: x.channels
      case .depthwise: 1
      case .any: nil
      }
    let out: Int? = if case .depthwise = groups { x.channels } else { nil }
    let shape = try shape(weight, [out, perGroup, size, size])
    let count = max(x.channels / shape[1], 1)
    guard count * shape[1] == x.channels, shape[0] % count == 0 else {
      throw file.refuse(
        "\(weight.quoted) has the shape \(shape), which does not follow \(x.channels) channels")
    }
    let biasValues = try self.bias("\(name).bias", bias, shape[0])
    return try add(
      .convolution(
        Convolution(
          inChannels: x.channels, outChannels: shape[0], height: size, width: size, stride: stride,
          padding: padding ?? Padding(size / 2 * dilation), dilation: dilation, groups: count,
          weights: try weights(weight, standardized: epsilon), bias: biasValues)),
      [x], channels: shape[0], reduction: x.reduction * stride)
  }

  /// A linear layer of each position, whose weights are [out, in] or those of a 1x1 convolution.
  func linear(_ x: Value, _ name: String, bias: Bias = .required) throws -> Value {
    try linear(x, weight: "\(name).weight", bias: "\(name).bias", bias)
  }

  func linear(_ x: Value, weight: String, bias name: String, _ bias: Bias) throws -> Value {
    let isConvolution = file.shape(weight)?.count == 4
    let outs = try shape(weight, isConvolution ? [nil, x.channels, 1, 1] : [nil, x.channels])[0]
    let biasValues = try self.bias(name, bias, outs)
    return try add(
      .convolution(
        Convolution(
          inChannels: x.channels, outChannels: outs, height: 1, width: 1, weights: try weights(weight),
          bias: biasValues)),
      [x], channels: outs)
  }

  /// A linear layer of all positions of maps of so many, in the order [channel][row][column].
  func linear(_ x: Value, _ name: String, ofMaps side: Int) throws -> Value {
    let weight = "\(name).weight"
    let outs = try shape(weight, [nil, x.channels * side * side])[0]
    let biasValues = try bias("\(name).bias", .required, outs)
    return try add(
      .convolution(
        Convolution(
          inChannels: x.channels, outChannels: outs, height: side, width: side, weights: try weights(weight),
          bias: biasValues)),
      [x], channels: outs, reduction: 0)
  }

  private func bias(_ name: String, _ bias: Bias, _ count: Int) throws -> [Float]? {
    switch bias {
    case .none: nil
    case .required: try values(name, count: count)
    case .optional: has(name) ? try values(name, count: count) : nil
    }
  }

  private func weights(_ name: String, standardized epsilon: Float? = nil) throws -> Convolution.Weights {
    if let training {
      return .parameter(
        training.parameters.add(
          name, shape: file.shape(name)!, role: .weight, values: try file.values(name)))
    }
    guard let epsilon else { return .stored(try file.stored(name)) }
    return .floats(
      NetworkBuilder.standardized(
        try file.values(name), rows: file.shape(name)![0], epsilon: Double(epsilon)))
  }

  /// Weights with a mean of 0 and a variance of 1 for each output channel.
  private static func standardized(_ weights: [Float], rows: Int, epsilon: Double) -> [Float] {
    var weights = weights
    let width = weights.count / rows
    for row in stride(from: 0, to: weights.count, by: width) {
      let values = weights[row..<row + width]
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(width)
      let variance =
        values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(width)
      for i in row..<row + width {
        weights[i] = Float((Double(weights[i]) - mean) / (variance + epsilon).squareRoot())
      }
    }
    return weights
  }

  /// Batch normalisation with stored statistics.
  func batchNorm(_ x: Value, _ name: String) throws -> Value {
    for part in ["weight", "bias", "running_mean", "running_var"] {
      _ = try shape("\(name).\(part)", [x.channels])
    }
    return try add(try batchNormalization(name), [x])
  }

  private func batchNormalization(_ name: String) throws -> Graph.Operator {
    let variance = try file.values("\(name).running_var")
    guard variance.allSatisfy({ $0 >= 0 }) else { throw file.refuse("'\(name).running_var' is negative") }
    if let training {
      func vector(_ part: String, _ role: Parameters.Role) throws -> ParameterReference {
        let values = try file.values("\(name).\(part)")
        return training.parameters.add("\(name).\(part)", shape: [values.count], role: role, values: values)
      }
      return .trainedNormalization(
        BatchNormalization(
          scale: try vector("weight", .vector), shift: try vector("bias", .vector),
          runningMean: try vector("running_mean", .statistic),
          runningVariance: try vector("running_var", .statistic), mode: training.mode))
    }
    return .batchNormalization(
      ChannelAffine(
        mean: try file.values("\(name).running_mean"), variance: variance,
        weight: try file.values("\(name).weight"), bias: try file.values("\(name).bias")))
  }

  /// Normalisation of the channels of each position.
  func layerNorm(_ x: Value, _ name: String, epsilon: Float = 1e-6) throws -> Value {
    let weight = try values("\(name).weight", count: x.channels)
    let bias = try values("\(name).bias", count: x.channels)
    return try add(
      .channelNormalization(ChannelNormalization(weight: weight, bias: bias, epsilon: epsilon)), [x])
  }

  func groupNorm(_ x: Value, _ name: String, groups: Int, epsilon: Float = 1e-5) throws -> Value {
    guard x.channels % groups == 0 else {
      throw file.refuse("\(name) has \(x.channels) channels, which are not \(groups) groups")
    }
    let weight = try values("\(name).weight", count: x.channels)
    let bias = try values("\(name).bias", count: x.channels)
    return try add(
      .groupNormalization(
        GroupNormalization(groups: groups, weight: weight, bias: bias, epsilon: epsilon)), [x])
  }

  /// Multiplies each channel by a number of the tensor, which may have ones among its extents.
  func scale(_ x: Value, _ name: String) throws -> Value {
    let scale = try values(name, count: x.channels)
    return try add(
      .batchNormalization(
        ChannelAffine(scale: scale, shift: [Float](repeating: 0, count: x.channels))), [x])
  }

  /// Multiplies everything by a number.
  func scale(_ x: Value, by factor: Float) throws -> Value {
    try add(
      .batchNormalization(
        ChannelAffine(
          scale: [Float](repeating: factor, count: x.channels),
          shift: [Float](repeating: 0, count: x.channels))), [x])
  }

  func activation(_ x: Value, _ activation: Activation) throws -> Value {
    try add(.activation(activation), [x])
  }

  func relu(_ x: Value) throws -> Value { try activation(x, .relu) }

  /// A convolution, its batch normalisation and an activation.
  func convolution(
    _ x: Value, _ name: String, norm: String, size: Int, stride: Int = 1, dilation: Int = 1,
    groups: Groups = .one, _ activation: Activation = .identity
  ) throws -> Value {
    let y = try batchNorm(
      try convolution(x, name, size: size, stride: stride, dilation: dilation, groups: groups), norm)
    return activation == .identity ? y : try self.activation(y, activation)
  }

  func maxPool(_ x: Value, size: Int, stride: Int, pad: Int = 0) throws -> Value {
    try add(
      .maxPool(MaxPool(size: size, stride: stride, pad: pad)), [x], reduction: x.reduction * stride)
  }

  /// The mean of each window, in which the padding is not counted.
  func averagePool(_ x: Value, size: Int, stride: Int, ceil: Bool = false) throws -> Value {
    try add(
      .averagePool(
        AveragePool(PoolWindow(size: size, stride: stride, ceil: ceil), countsPadding: false)), [x],
      reduction: x.reduction * stride)
  }

  func adaptiveAveragePool(_ x: Value, side: Int) throws -> Value {
    try add(.adaptiveAveragePool(height: side, width: side), [x])
  }

  func meanPool(_ x: Value) throws -> Value { try add(.meanPool, [x], reduction: 0) }

  /// Puts zeros around a map.
  func pad(_ x: Value, _ pad: Int) throws -> Value {
    try add(
      .convolution(
        Convolution(
          inChannels: x.channels, outChannels: x.channels, height: 1, width: 1, pad: pad,
          groups: x.channels, weights: [Float](repeating: 1, count: x.channels))), [x])
  }

  func add(_ x: Value, _ y: Value) throws -> Value {
    guard x.channels == y.channels, x.reduction == y.reduction else {
      throw file.refuse("maps of \(x.channels) and \(y.channels) channels cannot be added")
    }
    return try add(.add, [x, y])
  }

  func concatenation(_ x: Value, _ y: Value) throws -> Value {
    try add(.concatenation, [x, y], channels: x.channels + y.channels)
  }

  func slice(_ x: Value, _ range: Range<Int>) throws -> Value {
    try add(.slice(range), [x], channels: range.count)
  }

  func permutation(_ x: Value, _ order: [Int]) throws -> Value { try add(.permutation(order), [x]) }

  /// - Parameter values: [channel][row][column]
  func addConstant(_ x: Value, _ values: [Float], height: Int, width: Int) throws -> Value {
    try add(
      .addConstant(
        ConstantMap(shape: Shape(channels: x.channels, height: height, width: width), values: values)), [x])
  }

  /// - Parameter values: [token][channel]
  func tokens(before x: Value, _ values: [[Float]]) throws -> Value {
    try add(.tokens(ClassTokens(values: values)), [x])
  }

  func positions(_ x: Value, _ range: Range<Int>) throws -> Value { try add(.positions(range), [x]) }

  /// Positions as a square map.
  func grid(_ x: Value, _ range: Range<Int>, rows: Int) throws -> Value {
    try add(.grid(range, rows: rows), [x])
  }

  func attention(_ q: Value, _ k: Value, _ v: Value, heads: Int) throws -> Value {
    let depth = Float(q.channels / heads)
    return try add(
      .attention(Attention(heads: heads, scale: 1 / depth.squareRoot())), [q, k, v], channels: v.channels)
  }

  // MARK: Layers

  /// Names a layer whose features can be read.
  func layer(_ name: String, _ x: Value) {
    layers.append(LayerFacts(name: name, channels: x.channels, reduction: x.reduction))
    graph?.layers.append(Graph.Layer(name: name, node: x.node))
  }

  /// The features that the last layer reads, one position of each channel.
  func representation(_ x: Value) {
    layer("representation", Value(node: x.node, channels: x.channels, reduction: 0))
  }

  /// The last layer, which gives the logits.
  func head(_ x: Value, _ name: String, bias: Bias = .required) throws -> Value {
    let (weight, shift) = ("\(name).weight", "\(name).bias")
    guard let training, graph != nil else {
      let logits = try linear(x, name, bias: bias)
      head = (weight, logits.channels)
      return logits
    }
    func trained(_ name: String, _ role: Parameters.Role, width: Int) throws -> ParameterReference {
      let rows = try file.values(name)
      let wanted = classes?.rows(rows, width: width) ?? rows
      let count = wanted.count / width
      return training.parameters.add(
        name, shape: role == .weight ? [count, width] : [count], role: role, values: wanted)
    }
    let matrix = try trained(weight, .weight, width: x.channels)
    let vector = try trained(shift, .vector, width: 1)
    let outs = vector.count
    head = (weight, outs)
    return try add(
      .convolution(
        Convolution(
          inChannels: x.channels, outChannels: outs, height: 1, width: 1, weights: .parameter(matrix),
          bias: [Float](repeating: 0, count: outs), biasParameter: vector)),
      [x], channels: outs)
  }
}
