extension Graph {
  /// Batch normalisation with stored statistics becomes part of the convolution before it: scale · (w ⋆ x + b) + shift =
  /// (scale · w) ⋆ x + (scale · b + shift).
  package func foldingNormalization() -> Graph {
    joiningNodes { graph, node, isLone in
      let affine: ChannelAffine? =
        switch node.operator {
        case .batchNormalization(let affine): affine
        case .trainedNormalization(let norm): norm.affine
        default: nil
        }
      guard let affine else { return nil }
      let producer = graph.nodes[node.inputs[0]]
      if isLone[0], producer.activation == .identity, producer.inputs.count == 1,
        case .convolution(let convolution) = producer.operator
      {
        graph.change(node.inputs[0]) { $0.operator = .convolution(convolution.followed(by: affine)) }
        return node.inputs[0]
      }
      return graph.add(.batchNormalization(affine), node.inputs)
    }
  }
}
