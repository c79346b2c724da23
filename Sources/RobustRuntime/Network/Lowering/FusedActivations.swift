extension Graph {
  /// A ReLU becomes part of the operator before it.
  func fusingActivations() -> Graph {
    joiningNodes { graph, node, isLone in
      guard case .activation(.relu) = node.operator, isLone[0],
        graph.nodes[node.inputs[0]].activation == .identity
      else { return nil }
      graph.change(node.inputs[0]) { $0.activation = .relu }
      return node.inputs[0]
    }
  }
}
