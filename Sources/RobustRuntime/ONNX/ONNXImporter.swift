/// Turns the graph of an ONNX file into one of the engine.
///
/// What does not depend on the image is computed. What does is a map of the engine with names for its dimensions
/// (`MapView`), so that reshaping and transposing cost nothing, and tokens are positions. What exporters write as several
/// operators (activations, normalisations, attention) is recognised by what it computes.
struct ONNXImporter {
  let file: ONNXFile
  /// The extents of the images for which shapes are inferred.
  let height, width: Int
  /// How many images the file's own batch has.
  let images: Int
  let budget: FoldingBudget
  var graph = Graph(mean: [0, 0, 0], deviation: [1, 1, 1])
  var shapes: [Shape]
  /// Where each node comes from.
  var origins = [""]
  /// The weights of convolutions, [out][in / groups][height][width].
  var weights: [Int: StoredTensor] = [:]
  /// Whether something holds for images of this size alone.
  var isFixed = false
  /// What was left out or is amiss, for people.
  private(set) var notes: [String] = []

  /// The operator that is being imported.
  var origin = ""
  private var values: [String: ImportedValue] = [:]

  /// Operators beyond which nothing is read.
  private static let mostNodes = 1 << 16

  init(_ file: ONNXFile, height: Int, width: Int, images: Int, budget: FoldingBudget) {
    (self.file, self.height, self.width, self.images) = (file, height, width, images)
    self.budget = budget
    shapes = [Shape(channels: 3, height: height, width: width)]
  }

  mutating func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }

  /// Imports all that a result needs.
  /// - Parameter input: the name of the images, and whether their channels come last.
  /// - Returns: the result.
  /// - Throws: `CheckpointError`
  mutating func run(input: String, channelsLast: Bool, output: String) throws -> ImportedValue {
    let nodes = file.model.graph.nodes
    guard nodes.count <= ONNXImporter.mostNodes else { throw file.refuse("it has \(nodes.count) operators") }
    let (needed, readers) = try liveNodes(nodes, output: output)
    let image = MapView(node: 0, shape: shapes[0], dims: MapView.plain(shapes[0], images: images))
    values[input] = .map(channelsLast ? image.transposed([0, 2, 3, 1]) : image)
    for tensor in file.model.graph.initializers where readers[tensor.name] != nil {
      guard values[tensor.name] == nil else { throw file.refuse("\(tensor.name.quoted) is defined twice") }
      let constant = try file.constant(tensor)
      if tensor.external != nil { budget.add(constant.count) }
      values[tensor.name] = .constant(constant)
    }
    var readersLeft = readers
    for (node, isNeeded) in zip(nodes, needed) where isNeeded {
      try read(node, isLast: node.outputs.first == output && readers[output] == nil)
      // What nothing will read any more is let go.
      for name in node.inputs where name != output {
        guard let left = readersLeft[name] else { continue }
        readersLeft[name] = left - 1
        if left == 1 { values[name] = nil }
      }
    }
    guard let result = values[output] else {
      throw file.refuse("the output \(output.quoted) is not computed by any operator")
    }
    return result
  }

  /// Which nodes a result needs, and how many of these read each value.
  private func liveNodes(
    _ nodes: [ONNX.Node], output: String
  ) throws -> (needed: [Bool], readers: [String: Int]) {
    var wanted: Set = [output]
    var needed = [Bool](repeating: false, count: nodes.count)
    var readers: [String: Int] = [:]
    for (index, node) in nodes.enumerated().reversed() where node.outputs.contains(where: wanted.contains) {
      needed[index] = true
      for name in node.inputs where !name.isEmpty {
        wanted.insert(name)
        readers[name, default: 0] += 1
      }
    }
    return (needed, readers)
  }

  private mutating func read(_ node: ONNX.Node, isLast: Bool) throws {
    var inputs: [ImportedValue?] = []
    for name in node.inputs {
      guard !name.isEmpty else {
        inputs.append(nil)
        continue
      }
      guard let value = values[name] else {
        throw refuse(
          node,
          "reads \(name.quoted), which nothing before it computes: it is missing, or the graph has a cycle")
      }
      inputs.append(value)
    }
    origin = node.origin
    let results: [ImportedValue]
    do {
      let fill = node.type == "ConstantOfShape" ? node.attributes.first { $0.name == "value" } : nil
      var constant: Constant?
      if case .tensor(let tensor) = fill?.value { constant = try file.constant(tensor) }
      results = try imported(
        ONNXCall(
          node: node, inputs: inputs, opset: file.model.opsets[""] ?? 1, fill: constant, isLast: isLast))
    } catch let problem as ImportProblem {
      throw refuse(node, problem.text)
    }
    for (name, result) in zip(node.outputs, results) where !name.isEmpty {
      guard values.updateValue(result, forKey: name) == nil else {
        throw refuse(node, "defines \(name.quoted), which is defined already")
      }
    }
  }

  private func refuse(_ node: ONNX.Node, _ problem: String) -> CheckpointError {
    let kind = (node.domain.isEmpty ? "" : node.domain + ".") + node.type
    let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
    return file.refuse("the operator \(name.quoted) (\(kind.quoted.dropFirst().dropLast())) \(problem)")
  }

  private mutating func imported(_ call: ONNXCall) throws -> [ImportedValue] {
    guard call.node.domain.isEmpty || call.node.domain == "com.microsoft" else {
      throw ImportProblem("is not known")
    }
    if call.type == "Constant" { return [.constant(try constant(call))] }
    if let constants = try ConstantFolding.results(of: call, budget: budget) {
      return constants.map { .constant($0) }
    }
    if let function = Scalar.functions[call.type], let x = call.input(0) {
      return [try unary(call, x, function)]
    }
    guard let importOperator = ONNXImporter.operators[call.type] else { throw ImportProblem("is not known") }
    return try importOperator(&self, call)
  }

  /// How operators are imported that read what depends on the image.
  private static let operators: [String: @Sendable (inout ONNXImporter, ONNXCall) throws -> [ImportedValue]] =
    [
      "Identity": { _, call in [try call.first] },
      "Dropout": { _, call in [try call.first] },
      "Cast": { _, call in try call.cast() },
      "CastLike": { _, call in [try call.first] },
      "QuantizeLinear": { try $0.quantization($1) },
      "DequantizeLinear": { try $0.quantization($1) },
      "Shape": { try $0.shape($1) },
      "Size": { try $0.shape($1) },
      "Add": { [try $0.arithmetic(.add, $1)] },
      "Sub": { [try $0.arithmetic(.subtract, $1)] },
      "Mul": { [try $0.arithmetic(.multiply, $1)] },
      "Div": { [try $0.arithmetic(.divide, $1)] },
      "Pow": { [try $0.arithmetic(.power, $1)] },
      "Min": { [try $0.arithmetic(.minimum, $1)] },
      "Max": { [try $0.arithmetic(.maximum, $1)] },
      "Sum": { [try $0.sum($1)] },
      "Clip": { [try $0.clip($1)] },
      "LeakyRelu": { [try $0.leakyReLU($1)] },
      "PRelu": { [try $0.leakyReLU($1)] },
      "Elu": { [try $0.elu($1)] },
      "HardSigmoid": { [try $0.hardSigmoid($1)] },
      "Gelu": { [try $0.gelu($1)] },
      "Softmax": { [try $0.softmax($1)] },
      "LogSoftmax": { [try $0.logSoftmax($1)] },
      "IsNaN": { [try $0.isNaN($1)] },
      "Where": { [try $0.choice($1)] },
      "Reshape": { [try $0.regroup($1)] },
      "Flatten": { [try $0.regroup($1)] },
      "Squeeze": { [try $0.regroup($1)] },
      "Unsqueeze": { [try $0.regroup($1)] },
      "Transpose": { [try $0.transpose($1)] },
      "Expand": { [try $0.expand($1)] },
      "Slice": { [try $0.slice($1)] },
      "Split": { try $0.split($1) },
      "Gather": { [try $0.gather($1)] },
      "Concat": { [try $0.concat($1)] },
      "Pad": { [try $0.pad($1)] },
      "Conv": { [try $0.convolution($1)] },
      "Gemm": { [try $0.gemm($1)] },
      "MatMul": { [try $0.matMul($1)] },
      "Attention": { [try $0.attention($1)] },
      "BatchNormalization": { [try $0.batchNormalization($1)] },
      "InstanceNormalization": { [try $0.instanceNormalization($1)] },
      "GroupNormalization": { [try $0.groupNormalization($1)] },
      "LayerNormalization": { [try $0.layerNormalization($1)] },
      "MaxPool": { [try $0.maxPool($1)] },
      "AveragePool": { [try $0.averagePool($1)] },
      "GlobalAveragePool": { [try $0.globalPool($1)] },
      "GlobalMaxPool": { [try $0.globalPool($1)] },
      "ReduceMean": { [try $0.reduceMean($1)] },
      "ReduceSum": { [try $0.reduceMean($1)] },
      "ReduceMax": { [try $0.globalPool($1)] },
    ]

  private func constant(_ call: ONNXCall) throws -> Constant {
    if let tensor = try call.tensor("value") { return try file.constant(tensor) }
    if call.has("value_float") {
      return Constant(shape: [], type: .float, values: [try call.float("value_float", default: 0)])
    }
    if call.has("value_int") {
      return Constant(shape: [], type: .int64, values: [Double(try call.int("value_int", default: 0))])
    }
    if let floats = try call.floats("value_floats") {
      return Constant(shape: [floats.count], type: .float, values: floats.map { Double($0) })
    }
    if let ints = try call.ints("value_ints") { return Constant(integers: ints) }
    throw ImportProblem("has no value that is known")
  }

  // MARK: Nodes of the engine

  /// Adds a node whose inputs fit together.
  /// - Throws: `ImportProblem`
  mutating func emit(_ operator: Graph.Operator, _ inputs: Int...) throws -> Int {
    try emit(`operator`, inputs)
  }

  /// Adds a node and gives it these dimensions.
  mutating func emitted(
    _ operator: Graph.Operator, _ inputs: Int..., dims: [[AxisFactor]]
  ) throws -> MapView {
    let node = try emit(`operator`, inputs)
    return view(node, dims)
  }

  private mutating func emit(_ operator: Graph.Operator, _ inputs: [Int]) throws -> Int {
    let shape: Shape
    do {
      shape = try `operator`.outputShape(of: inputs.map { shapes[$0] })
    } catch let error as ShapeError {
      throw ImportProblem("does not fit: \(error.problem)")
    }
    guard (1...1 << 22).contains(shape.channels), shape.height > 0, shape.width > 0, shape.height <= 1 << 26,
      shape.width <= (1 << 26) / shape.height
    else { throw ImportProblem("gives a map of \(shape.text)") }
    guard graph.nodes.count < 4 * ONNXImporter.mostNodes else { throw ImportProblem("is one too many") }
    let node = graph.add(`operator`, inputs)
    shapes.append(shape)
    origins.append(origin)
    return node
  }

  /// Adds a concatenation.
  /// - Throws: `ImportProblem`
  mutating func emit(concatenating inputs: [Int]) throws -> Int { try emit(.concatenation, inputs) }

  /// A view of a node with these dimensions.
  func view(_ node: Int, _ dims: [[AxisFactor]]) -> MapView {
    MapView(node: node, shape: shapes[node], dims: dims)
  }

  /// A map with the value of an input, which then has a node.
  /// - Throws: `ImportProblem`
  mutating func map(_ call: ONNXCall, _ index: Int) throws -> MapView {
    guard let value = call.input(index) else { throw ImportProblem("lacks its input \(index)") }
    return try map(value)
  }

  mutating func map(_ value: ImportedValue) throws -> MapView {
    switch value {
    case .map(let view): return view
    case .function(let function): return try realized(function)
    case .constant: throw ImportProblem("reads a constant where images are expected")
    case .padded: throw ImportProblem("reads a padded map, which only convolutions and pools can")
    case .moment: throw ImportProblem("reads a part of a normalisation that is not known")
    case .scores, .nowhere: throw ImportProblem("reads a part of an attention that is not known")
    }
  }

  /// The map with its channels in the order in which these dimensions count them, as are its positions.
  /// - Throws: `ImportProblem` if channels and positions are mixed in a way that the engine has no map for.
  mutating func arranged(_ view: MapView, channels: [Int], positions: [Int]) throws -> MapView {
    var view = view
    let others = view.factors(positions)
    if view.factors(channels).contains(where: { $0.axis == .position }) {
      guard others.isEmpty else { throw ImportProblem("mixes channels with positions") }
      let area = view.positions
      if area > 1 && !hasGivenSize(view.node) { isFixed = true }
      let node = try emit(.flatten, view.node)
      view = self.view(
        node,
        view.dims.map { dim in
          dim.map { factor in
            switch factor.axis {
            case .image: factor
            case .channel: AxisFactor(axis: .channel, stride: factor.stride * area, extent: factor.extent)
            case .position: AxisFactor(axis: .channel, stride: factor.stride, extent: factor.extent)
            }
          }
        })
    } else if others.contains(where: { $0.axis == .channel }) {
      throw ImportProblem("takes channels for positions")
    }
    let order = view.factors(channels)
    if order != MapView.natural(.channel, view.shape.channels) {
      guard order.reduce(1, { $0 * $1.extent }) == view.shape.channels else {
        throw ImportProblem("needs all channels in one dimension")
      }
      try budget.take(view.shape.channels)
      let node = try emit(.permutation(MapView.indices(order)), view.node)
      var dims = view.dims
      var stride = 1
      for dim in channels.reversed() {
        for i in dims[dim].indices.reversed() where dims[dim][i].axis == .channel {
          let extent = dims[dim][i].extent
          dims[dim][i] = AxisFactor(axis: .channel, stride: stride, extent: extent)
          stride *= extent
        }
      }
      view = self.view(node, dims)
    }
    guard view.factors(positions) == MapView.natural(.position, view.positions) else {
      throw ImportProblem("takes positions in another order")
    }
    return view
  }

  /// Whether a node's positions are as many for images of any size.
  private func hasGivenSize(_ node: Int) -> Bool {
    var node = node
    while true {
      switch graph.nodes[node].operator {
      case .adaptiveAveragePool, .meanPool: return true
      case .activation, .batchNormalization, .channelNormalization, .permutation, .slice:
        node = graph.nodes[node].inputs[0]
      default: return false
      }
    }
  }

  /// scale · x + shift by channel, as a change of what computes x where that is a scale or a normalisation.
  mutating func affine(_ view: MapView, scale: [Double], shift: [Double]) throws -> MapView {
    try budget.take(scale.count)
    if scale.allSatisfy({ $0 == 1 }) && shift.allSatisfy({ $0 == 0 }) { return view }
    let node = graph.nodes[view.node]
    func floats(_ old: [Float], shifted: Bool) -> [Float] {
      old.indices.map { Float(scale[$0] * Double(old[$0]) + (shifted ? shift[$0] : 0)) }
    }
    let changed: Graph.Operator
    switch node.operator {
    case .batchNormalization(let affine):
      changed = .batchNormalization(
        ChannelAffine(
          scale: floats(affine.scale, shifted: false), shift: floats(affine.shift, shifted: true)))
    case .channelNormalization(let norm):
      changed = .channelNormalization(
        ChannelNormalization(
          weight: floats(norm.weight, shifted: false), bias: floats(norm.bias, shifted: true),
          epsilon: norm.epsilon))
    case .groupNormalization(let norm):
      changed = .groupNormalization(
        GroupNormalization(
          groups: norm.groups, weight: floats(norm.weight, shifted: false),
          bias: floats(norm.bias, shifted: true), epsilon: norm.epsilon))
    default:
      changed = .batchNormalization(
        ChannelAffine(scale: scale.map { Float($0) }, shift: shift.map { Float($0) }))
      return try emitted(changed, view.node, dims: view.dims)
    }
    return try emitted(changed, node.inputs[0], dims: view.dims)
  }

  /// Multiplies all channels by one scale and adds one shift.
  mutating func affine(_ view: MapView, scale: Double, shift: Double) throws -> MapView {
    try affine(
      view, scale: [Double](repeating: scale, count: view.shape.channels),
      shift: [Double](repeating: shift, count: view.shape.channels))
  }
}

extension ONNX.Node {
  /// The module that the node comes from, as exporters name it, or else the node.
  var origin: String {
    var path: [String] = []
    if let scopes {
      // A list of texts in single quotes, of which the last is the operator itself.
      let parts = scopes.split(separator: "'", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
      path = parts.dropLast().last.map { $0.isEmpty ? [] : [$0] } ?? []
    } else if name.hasPrefix("/") {
      for part in name.split(separator: "/").dropLast().map(String.init) {
        if let last = path.last, part.hasPrefix(last + ".") { path.removeLast() }
        path.append(part)
      }
    }
    let full = path.joined(separator: ".")
    if !full.isEmpty { return full }
    let plain = name.split(separator: "/").last.map(String.init) ?? name
    return plain.hasPrefix("node_") ? String(plain.dropFirst(5)) : plain
  }
}

extension ONNXCall {
  var first: ImportedValue {
    get throws {
      guard let value = input(0) else { throw ImportProblem("lacks its input 0") }
      return value
    }
  }

  /// Casts from floats to other floats do nothing here.
  func cast() throws -> [ImportedValue] {
    guard let type = ONNXFile.type(try int("to", default: 1)), type.isReal else {
      throw ImportProblem("casts what depends on the image to whole numbers")
    }
    return [try first]
  }
}
