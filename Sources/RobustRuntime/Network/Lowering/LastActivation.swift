extension Graph {
  /// The node with the last activation before the pooled representation; nil: between it and the last sum or convolution
  /// there is none.
  package var lastActivation: Int? {
    guard var n = layers.first(where: { $0.name == "representation" })?.node else { return nil }
    while true {
      let node = nodes[n]
      if node.activation != .identity { return n }
      switch node.operator {
      case .activation: return n
      case .meanPool, .averagePool, .adaptiveAveragePool, .maxPool, .flatten, .positions, .grid, .slice,
        .batchNormalization, .channelNormalization, .groupNormalization:
        n = node.inputs[0]
      default: return nil
      }
    }
  }
}
