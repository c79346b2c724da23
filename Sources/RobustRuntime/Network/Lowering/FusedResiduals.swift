extension Graph {
  /// A sum becomes part of a convolution, or of a trained normalisation, that computes one of its terms after the other is
  /// there.
  package func fusingResiduals() -> Graph {
    joiningNodes { graph, node, isLone in
      guard case .add = node.operator else { return nil }
      // Of two that could take in the sum, the later one: the other is then its residual.
      let terms = zip(node.inputs, isLone).map { (input: $0, isLone: $1) }
      guard let main = terms.max(by: { $0.input < $1.input }), main.isLone,
        let residual = terms.map(\.input).min(), residual < main.input
      else { return nil }
      let producer = graph.nodes[main.input]
      guard producer.operator.takesResidual, producer.inputs.count == 1, producer.activation == .identity
      else { return nil }
      graph.change(main.input) { $0.inputs.append(residual) }
      return main.input
    }
  }
}

extension Graph.Operator {
  fileprivate var takesResidual: Bool {
    switch self {
    case .convolution, .trainedNormalization: true
    default: false
    }
  }
}
