extension Graph {
  /// A convolution whose window is the whole of a map becomes a linear layer of all its values: as a convolution its
  /// gradient would look for a place of the window at each position.
  package func flatteningWholeMaps() -> Graph {
    joiningNodes { graph, node, _ in
      guard case .convolution(let convolution) = node.operator, let whole = convolution.linearOfWholeMap,
        case .adaptiveAveragePool(let height, let width) = graph.nodes[node.inputs[0]].operator,
        (height, width) == (convolution.geometry.height, convolution.geometry.width)
      else { return nil }
      let flat = graph.add(.flatten, node.inputs)
      return graph.add(.convolution(whole), flat)
    }
  }
}
