import RobustRuntime

/// A whole graph in double precision by plain loops, forward and by the input: what the engine is measured against.
struct GraphOracle {
  let graph: Graph
  /// The value of each node; that of node 0 is the normalised image.
  private(set) var values: [OracleMap] = []

  /// Evaluates the graph.
  /// - Parameter pixels: [image][channel][row][column], in 0...1.
  init(_ graph: Graph, _ pixels: OracleMap) {
    self.graph = graph
    for node in graph.nodes {
      let inputs = node.inputs.map { values[$0] }
      values.append(node.oracle(graph).forward(inputs.isEmpty ? [pixels] : inputs))
    }
  }

  /// [image][class]
  var logits: OracleMap { values[values.count - 1] }

  /// The gradient by the pixels, from gradients by the values of some nodes.
  func gradient(from seeds: [(node: Int, gradient: OracleMap)]) -> OracleMap {
    var gradients = [OracleMap?](repeating: nil, count: values.count)
    func add(_ gradient: OracleMap, to node: Int) {
      guard var sum = gradients[node] else {
        gradients[node] = gradient
        return
      }
      for i in sum.values.indices { sum.values[i] += gradient.values[i] }
      gradients[node] = sum
    }
    for seed in seeds { add(seed.gradient, to: seed.node) }
    for n in graph.nodes.indices.dropFirst().reversed() {
      guard let gradient = gradients[n] else { continue }
      let node = graph.nodes[n]
      let parts = node.oracle(graph).backward(node.inputs.map { values[$0] }, values[n], gradient)
      for (input, part) in zip(node.inputs, parts) { add(part, to: input) }
      gradients[n] = nil
    }
    let first = values[0]
    let gradient = gradients[0] ?? OracleMap(first.count, first.channels, first.height, first.width)
    return graph.nodes[0].oracle(graph).backward([first], first, gradient)[0]
  }

  /// The gradient by the pixels of the cross-entropy to one class, summed over the images.
  func gradient(ofCrossEntropyTo target: Int) -> OracleMap {
    var gradient = logits
    let classes = gradient.channels
    for n in 0..<gradient.count {
      let row = n * classes..<(n + 1) * classes
      let shares = softmax(Array(gradient.values[row]))
      for (c, share) in shares.enumerated() {
        gradient.values[row.lowerBound + c] = share - (c == target ? 1 : 0)
      }
    }
    return self.gradient(from: [(values.count - 1, gradient)])
  }
}
