extension Graph {
  /// A concatenation that begins with all that an earlier one joins reads that one instead: in a densely connected network
  /// each adds one map to those before, so that all can lie in one memory.
  package func nestingConcatenations() -> Graph {
    /// [inputs]: the concatenation of these, of the new graph.
    var known: [[Int]: Int] = [:]
    return joiningNodes { graph, node, _ in
      guard case .concatenation = node.operator else { return nil }
      var inputs = node.inputs
      for count in stride(from: inputs.count - 1, to: 1, by: -1) {
        if let nested = known[Array(inputs[..<count])] {
          inputs.replaceSubrange(..<count, with: [nested])
          break
        }
      }
      let n = graph.add(.concatenation, inputs)
      known[node.inputs] = n
      return n
    }
  }
}
