extension Graph {
  /// A ReLU, or one up to 6, becomes part of the operator before it.
  package func fusingActivations() -> Graph {
    joiningNodes { graph, node, isLone in
      guard case .activation(let activation) = node.operator, activation.isClip, isLone[0],
        graph.nodes[node.inputs[0]].activation == .identity
      else { return nil }
      graph.change(node.inputs[0]) { $0.activation = activation }
      return node.inputs[0]
    }
  }
}
