/// A graph in a file of our own: operators as JSON in the metadata, and their numbers as tensors "n5.weight", n5 being the
/// node. So is a network kept that is of no family, as an import of ONNX may be.
enum StoredGraph {
  /// What the metadata call it, as "architecture".
  static let name = "graph"

  /// The most nodes that are read.
  private static let mostNodes = 1 << 16

  // MARK: Writing

  /// The tensors of a graph, and what the metadata say of it.
  /// - Precondition: the graph is one of inference.
  static func contents(of graph: Graph) -> (tensors: [NamedTensor], metadata: [String: String]) {
    var tensors: [NamedTensor] = []
    var nodes: [String] = []
    for (n, node) in graph.nodes.enumerated().dropFirst() {
      var members = [#""inputs":\#(node.inputs)"#]
      let (op, facts, numbers) = description(of: node.operator)
      members += facts.map { #""\#($0)":\#($1)"# }
      nodes.append(#"{"op":"\#(op)",\#(members.joined(separator: ","))}"#)
      tensors += numbers.map { NamedTensor(name: "n\(n).\($0.name)", shape: $0.shape, values: $0.values) }
    }
    let layers = graph.layers.map { #"{"name":\#($0.name.inJSON),"node":\#($0.node)}"# }
    var text =
      #"{"nodes":[\#(nodes.joined(separator: ","))],"layers":[\#(layers.joined(separator: ","))]"#
    if let size = graph.fixedSize { text += #","fixed_size":[\#(size.height),\#(size.width)]"# }
    return (tensors, ["architecture": name, "graph": text + "}"])
  }

  private typealias Description = (
    op: String, facts: [(String, String)], numbers: [(name: String, shape: [Int], values: [Float])]
  )

  private static func description(of operator: Graph.Operator) -> Description {
    func vector(_ name: String, _ values: [Float]) -> (String, [Int], [Float]) {
      (name, [values.count], values)
    }
    switch `operator` {
    case .input, .trainedNormalization: preconditionFailure("it is no operator of inference")
    case .convolution(let convolution):
      let g = convolution.geometry
      return (
        "convolution",
        [("stride", "\(g.stride)"), ("pad", text(g.padding)), ("groups", "\(g.groups)")],
        [
          (
            "weight", [g.outChannels, g.inChannels / g.groups, g.height, g.width], convolution.weightValues
          ),
          vector("bias", convolution.biasValues),
        ]
      )
    case .batchNormalization(let affine):
      return ("affine", [], [vector("scale", affine.scale), vector("shift", affine.shift)])
    case .channelNormalization(let norm):
      return (
        "channel_norm", [("epsilon", "\(norm.epsilon)")],
        [vector("weight", norm.weight), vector("bias", norm.bias)]
      )
    case .groupNormalization(let norm):
      return (
        "group_norm", [("epsilon", "\(norm.epsilon)"), ("groups", "\(norm.groups)")],
        [vector("weight", norm.weight), vector("bias", norm.bias)]
      )
    case .activation(.leakyReLU(let slope)): return ("leaky_relu", [("slope", "\(slope)")], [])
    case .activation(let activation):
      return (activations.first { $0.1 == activation }?.0 ?? "identity", [], [])
    case .softmax: return ("softmax", [], [])
    case .add: return ("add", [], [])
    case .multiply: return ("multiply", [], [])
    case .addConstant(let map):
      let shape = [map.shape.channels, map.shape.height, map.shape.width]
      return (
        "add_constant", [("interpolated", "\(map.isInterpolated)")], [("values", shape, map.values)]
      )
    case .maxPool(let pool): return ("max_pool", facts(pool.window), [])
    case .averagePool(let pool):
      return ("average_pool", facts(pool.window) + [("counts_padding", "\(pool.countsPadding)")], [])
    case .adaptiveAveragePool(let height, let width):
      return ("adaptive_average_pool", [("size", "[\(height),\(width)]")], [])
    case .meanPool: return ("mean_pool", [], [])
    case .concatenation: return ("concatenation", [], [])
    case .slice(let range): return ("slice", [("range", text(range))], [])
    case .permutation(let order): return ("permutation", [("order", "\(order)")], [])
    case .tokens(let tokens):
      let shape = [tokens.values.count, tokens.values.first?.count ?? 0]
      return ("tokens", [], [("values", shape, Array(tokens.values.joined()))])
    case .positions(let range): return ("positions", [("range", text(range))], [])
    case .grid(let range, let rows):
      return ("grid", [("range", text(range)), ("rows", "\(rows)")], [])
    case .flatten: return ("flatten", [], [])
    case .attention(let attention):
      return ("attention", [("heads", "\(attention.heads)"), ("scale", "\(attention.scale)")], [])
    }
  }

  private static let activations: [(String, Activation)] = [
    ("identity", .identity), ("relu", .relu), ("relu6", .relu6), ("silu", .silu), ("gelu", .gelu),
    ("gelu_tanh", .geluTanh), ("sigmoid", .sigmoid), ("hard_sigmoid", .hardSigmoid),
    ("hard_swish", .hardSwish), ("tanh", .tanh),
  ]

  private static func text(_ padding: Padding) -> String {
    "[\(padding.top),\(padding.left),\(padding.bottom),\(padding.right)]"
  }
  private static func text(_ range: Range<Int>) -> String { "[\(range.lowerBound),\(range.upperBound)]" }
  private static func facts(_ window: PoolWindow) -> [(String, String)] {
    [
      ("size", "[\(window.height),\(window.width)]"), ("stride", "[\(window.strideY),\(window.strideX)]"),
      ("pad", text(window.padding)), ("ceil", "\(window.ceil)"),
    ]
  }

  // MARK: Reading

  /// Builds the graph that a file describes. Nothing in it is believed: whether the operators fit each other is found where
  /// shapes are inferred.
  /// - Throws: `CheckpointError`
  static func graph(_ file: any TensorFile, mean: [Float], deviation: [Float]) throws -> Graph {
    guard let text = file.metadata["graph"] else { throw file.refuse("its metadata have no graph") }
    let value: JSONValue
    do {
      value = try JSONValue(text)
    } catch let error as JSONValue.SyntaxError {
      throw file.refuse("the graph is not JSON: \(error.problem) at byte \(error.offset)")
    }
    let reader = Reader(file: file, node: "the graph", members: value.object ?? [])
    let nodes = try reader.list("nodes")
    guard nodes.count <= mostNodes else { throw file.refuse("the graph has \(nodes.count) nodes") }
    var graph = Graph(mean: mean, deviation: deviation)
    for (k, node) in nodes.enumerated() {
      let reader = Reader(file: file, node: "n\(k + 1)", members: node.object ?? [])
      let inputs = try reader.naturals("inputs")
      guard inputs.allSatisfy({ $0 <= k }) else {
        throw reader.refuse("it reads a node that is not before it")
      }
      _ = graph.add(try reader.operator(), inputs)
    }
    for layer in try reader.list("layers") {
      let reader = Reader(file: file, node: "a layer", members: layer.object ?? [])
      let node = try reader.natural("node")
      guard let name = reader.value("name")?.string, graph.nodes.indices.contains(node) else {
        throw file.refuse("a layer of the graph has no name, or a node that is not there")
      }
      graph.layers.append(Graph.Layer(name: name, node: node))
    }
    if reader.value("fixed_size") != nil {
      let size = try reader.naturals("fixed_size", count: 2)
      graph.fixedSize = (size[0], size[1])
    }
    guard graph.layers.last?.name == "representation" else {
      throw file.refuse("the last layer of the graph is not its representation")
    }
    guard case .convolution(let last) = graph.nodes.last?.operator, last.geometry.height == 1,
      last.geometry.width == 1
    else { throw file.refuse("the graph does not end with a linear layer") }
    return graph
  }

  /// The members of one object, each of which is checked when it is read.
  private struct Reader {
    let file: any TensorFile
    let node: String
    let members: [JSONValue.Member]

    func refuse(_ problem: String) -> CheckpointError { file.refuse("\(node): \(problem)") }
    func value(_ name: String) -> JSONValue? { members.first { $0.name == name }?.value }

    func list(_ name: String) throws -> [JSONValue] {
      guard let list = value(name)?.array else { throw refuse("it has no list \(name.quoted)") }
      return list
    }

    func naturals(_ name: String, count: Int? = nil) throws -> [Int] {
      let list = try list(name)
      let numbers = list.compactMap(\.natural)
      guard numbers.count == list.count, count == nil || numbers.count == count,
        numbers.allSatisfy({ $0 < 1 << 30 })
      else { throw refuse("its \(name) are not whole numbers as they should be") }
      return numbers
    }

    func natural(_ name: String) throws -> Int {
      guard let number = value(name)?.natural, number < 1 << 30 else {
        throw refuse("its \(name) is no whole number as it should be")
      }
      return number
    }

    func positive(_ name: String) throws -> Int {
      let number = try natural(name)
      guard number > 0, number < 1 << 20 else { throw refuse("its \(name) is \(number)") }
      return number
    }

    func real(_ name: String) throws -> Float {
      guard case .number(let number) = value(name), Float(number).isFinite else {
        throw refuse("it has no number \(name.quoted)")
      }
      return Float(number)
    }

    func truth(_ name: String) throws -> Bool {
      guard case .bool(let truth) = value(name) else {
        throw refuse("\(name.quoted) is neither true nor false")
      }
      return truth
    }

    func range() throws -> Range<Int> {
      let ends = try naturals("range", count: 2)
      guard ends[0] < ends[1] else { throw refuse("its range is empty") }
      return ends[0]..<ends[1]
    }

    func padding() throws -> Padding {
      let pad = try naturals("pad", count: 4)
      guard pad.allSatisfy({ $0 < 1 << 12 }) else { throw refuse("its padding is \(pad)") }
      return Padding(top: pad[0], left: pad[1], bottom: pad[2], right: pad[3])
    }

    func window() throws -> PoolWindow {
      let (size, stride, padding) = (
        try naturals("size", count: 2), try naturals("stride", count: 2), try padding()
      )
      guard size.allSatisfy({ (1..<1 << 12).contains($0) }),
        stride.allSatisfy({ (1..<1 << 12).contains($0) }),
        max(padding.top, padding.bottom) < size[0], max(padding.left, padding.right) < size[1]
      else { throw refuse("its window is \(size), its stride \(stride)") }
      return PoolWindow(
        height: size[0], width: size[1], strideY: stride[0], strideX: stride[1], padding: padding,
        ceil: try truth("ceil"))
    }

    /// The numbers of a vector.
    /// - Parameter count: how many there are to be; nil: any number.
    func vector(_ name: String, count: Int? = nil) throws -> [Float] {
      let tensor = "\(node).\(name)"
      guard let shape = file.shape(tensor), shape.count == 1, shape[0] > 0, count == nil || shape[0] == count
      else { throw refuse("\(tensor.quoted) is missing or has another shape") }
      return try file.values(tensor)
    }

    func shape(_ name: String, dimensions: Int) throws -> [Int] {
      let tensor = "\(node).\(name)"
      guard let shape = file.shape(tensor), shape.count == dimensions, shape.allSatisfy({ $0 > 0 }) else {
        throw refuse("\(tensor.quoted) is missing or has another shape")
      }
      return shape
    }

    func `operator`() throws -> Graph.Operator {
      guard let op = value("op")?.string else { throw refuse("it has no op") }
      if let activation = StoredGraph.activations.first(where: { $0.0 == op })?.1 {
        return .activation(activation)
      }
      switch op {
      case "convolution": return .convolution(try convolution())
      case "affine":
        let scale = try vector("scale")
        return .batchNormalization(
          ChannelAffine(scale: scale, shift: try vector("shift", count: scale.count)))
      case "channel_norm":
        let weight = try vector("weight")
        return .channelNormalization(
          ChannelNormalization(
            weight: weight, bias: try vector("bias", count: weight.count), epsilon: try real("epsilon")))
      case "group_norm":
        let (weight, groups) = (try vector("weight"), try positive("groups"))
        guard weight.count % groups == 0 else { throw refuse("its groups do not divide its channels") }
        return .groupNormalization(
          GroupNormalization(
            groups: groups, weight: weight, bias: try vector("bias", count: weight.count),
            epsilon: try real("epsilon")))
      case "leaky_relu": return .activation(.leakyReLU(slope: try real("slope")))
      case "softmax": return .softmax
      case "add": return .add
      case "multiply": return .multiply
      case "add_constant":
        let shape = try shape("values", dimensions: 3)
        return .addConstant(
          ConstantMap(
            shape: Shape(channels: shape[0], height: shape[1], width: shape[2]),
            values: try file.values("\(node).values"), isInterpolated: try truth("interpolated")))
      case "max_pool": return .maxPool(MaxPool(try window()))
      case "average_pool":
        return .averagePool(AveragePool(try window(), countsPadding: try truth("counts_padding")))
      case "adaptive_average_pool":
        let size = try naturals("size", count: 2)
        return .adaptiveAveragePool(height: size[0], width: size[1])
      case "mean_pool": return .meanPool
      case "concatenation": return .concatenation
      case "slice": return .slice(try range())
      case "permutation": return .permutation(try naturals("order"))
      case "tokens":
        let (shape, values) = (try shape("values", dimensions: 2), try file.values("\(node).values"))
        return .tokens(
          ClassTokens(values: (0..<shape[0]).map { Array(values[$0 * shape[1]..<($0 + 1) * shape[1]]) }))
      case "positions": return .positions(try range())
      case "grid": return .grid(try range(), rows: try positive("rows"))
      case "flatten": return .flatten
      case "attention":
        return .attention(Attention(heads: try positive("heads"), scale: try real("scale")))
      default: throw refuse("the op \(op.quoted) is not known")
      }
    }

    private func convolution() throws -> Convolution {
      let shape = try shape("weight", dimensions: 4)
      let (stride, groups) = (try positive("stride"), try positive("groups"))
      let (channels, overflow) = shape[1].multipliedReportingOverflow(by: groups)
      guard !overflow, shape[0] % groups == 0, stride < 1 << 12, max(shape[2], shape[3]) < 1 << 12 else {
        throw refuse("its weights have the shape \(shape), in \(groups) groups")
      }
      return Convolution(
        inChannels: channels, outChannels: shape[0], height: shape[2], width: shape[3], stride: stride,
        padding: try padding(), groups: groups, weights: .stored(try file.stored("\(node).weight")),
        bias: try vector("bias", count: shape[0]))
    }
  }
}

extension Graph {
  /// What there is to know of the layers, from their shapes for images of a size.
  /// - Throws: `RuntimeError.invalid` if these do not fit.
  func layerFacts(height: Int, width: Int) throws -> [LayerFacts] {
    let shapes = try shapes(height: height, width: width)
    return layers.map { layer in
      let shape = shapes[layer.node]
      let isPooled = shape.height * shape.width == 1
      return LayerFacts(
        name: layer.name, channels: shape.channels,
        reduction: isPooled ? 0 : max(1, (height + shape.height / 2) / shape.height))
    }
  }
}
