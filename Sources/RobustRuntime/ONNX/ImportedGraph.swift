/// A graph without the nodes that its result does not need.
struct PrunedGraph {
  var graph: Graph
  /// The node of the graph before, of each node.
  private(set) var sources: [Int]
  /// Where each node comes from.
  private(set) var origins: [String]

  init(graph: Graph, sources: [Int], origins: [String]) {
    (self.graph, self.sources, self.origins) = (graph, sources, origins)
  }

  /// Takes a scale and shift that is all that reads the images as their normalisation.
  /// - Returns: whether there was one.
  mutating func takeNormalization() -> Bool {
    let readers = graph.nodes.indices.filter { graph.nodes[$0].inputs.contains(0) }
    guard readers == [1], graph.nodes.count > 2,
      case .batchNormalization(let affine) = graph.nodes[1].operator,
      affine.scale.allSatisfy({ $0 > 1e-6 && $0.isFinite }), affine.shift.allSatisfy(\.isFinite)
    else { return false }
    var isFirst = true
    graph = graph.joiningNodes { _, _, _ in
      defer { isFirst = false }
      return isFirst ? 0 : nil
    }
    graph.mean = zip(affine.scale, affine.shift).map { -$1 / $0 }
    graph.deviation = affine.scale.map { 1 / $0 }
    sources.remove(at: 1)
    origins.remove(at: 1)
    return true
  }
}

extension Graph {
  /// The graph with this node as the last one.
  func pruned(to last: Int, origins: [String]) -> PrunedGraph {
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    (isNeeded[0], isNeeded[last]) = (true, true)
    for node in (0...last).reversed() where isNeeded[node] {
      for input in nodes[node].inputs { isNeeded[input] = true }
    }
    var graph = Graph(mean: mean, deviation: deviation)
    var place = [Int](repeating: 0, count: nodes.count)
    var sources = [0]
    for node in 1..<max(last + 1, 1) where isNeeded[node] {
      place[node] = graph.add(nodes[node].operator, nodes[node].inputs.map { place[$0] })
      sources.append(node)
    }
    return PrunedGraph(graph: graph, sources: sources, origins: sources.map { origins[$0] })
  }

  /// The last layer with weights.
  var lastConvolution: Int? {
    nodes.indices.last { if case .convolution = nodes[$0].operator { true } else { false } }
  }
}

extension PrunedGraph {
  /// Where features can be read: the nodes through which everything passes, each under the module that it comes from.
  /// - Parameter node: what the last layer reads.
  func layers(representation node: Int) -> [Graph.Layer] {
    var lastReader = Array(graph.nodes.indices)
    for (n, node) in graph.nodes.enumerated() { for input in node.inputs { lastReader[input] = n } }
    var layers: [Graph.Layer] = []
    // The furthest reader of what was computed before.
    var reach = 0
    for n in graph.nodes.indices {
      let isCut = reach <= n
      reach = max(reach, lastReader[n])
      guard isCut, n > 0, n < node, graph.nodes[n].operator.endsLayer,
        !graph.nodes[n + 1].operator.continuesLayer
      else { continue }
      let name = origins[n].module(isActivation: graph.nodes[n].operator.isActivation)
      if layers.last?.name == name {
        layers[layers.count - 1].node = n
      } else {
        layers.append(Graph.Layer(name: name, node: n))
      }
    }
    var seen: [String: Int] = ["representation": 0]
    for i in layers.indices {
      let name = layers[i].name.isEmpty ? "layer" : layers[i].name
      seen[name, default: 0] += 1
      layers[i].name = seen[name] == 1 ? name : "\(name)-\(seen[name]!)"
    }
    return layers + [Graph.Layer(name: "representation", node: node)]
  }
}

extension Graph.Operator {
  fileprivate var endsLayer: Bool {
    switch self {
    case .activation(.identity): false
    case .activation, .add, .maxPool, .averagePool, .concatenation, .addConstant, .tokens: true
    default: false
    }
  }

  /// Whether the operator belongs to the layer of the one before it.
  fileprivate var continuesLayer: Bool {
    switch self {
    case .activation, .addConstant: true
    default: false
    }
  }

  fileprivate var isActivation: Bool { if case .activation = self { true } else { false } }
}

extension String {
  /// The name of a module without that of an activation within it: "layer1.0.relu_1" is in "layer1.0".
  fileprivate func module(isActivation: Bool) -> String {
    guard isActivation, let dot = lastIndex(of: "."), !self[index(after: dot)...].allSatisfy(\.isNumber)
    else {
      return self
    }
    return String(self[..<dot])
  }
}
