/// Extents of a feature map of one image.
package struct Shape: Sendable, Equatable {
  package var channels, height, width: Int
  package init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }
}

/// A network as its operators and what they read. Node 0 is the input, after its channels were normalised; a
/// node reads only nodes before it. The last node gives the logits.
package struct Graph: Sendable {
  package struct Node: Sendable {
    package var `operator`: Operator
    package var inputs: [Int]
  }

  package enum Operator: Sendable {
    case input
    case convolution(Convolution)
    /// Batch normalisation once it is trained.
    case batchNormalization(ChannelAffine)
    /// Batch normalisation while it is trained.
    case trainedNormalization(BatchNormalization)
    case relu
    case add
    case maxPool(MaxPool)
    /// The mean over all positions.
    case meanPool
  }

  /// A node whose values can be read and whose gradient can be set.
  package struct Layer: Sendable {
    package var name: String
    package var node: Int

    package init(name: String, node: Int) { (self.name, self.node) = (name, node) }
  }

  /// The input is (x − mean) / deviation, by channel.
  package var mean: [Float], deviation: [Float]
  package var nodes = [Node(operator: .input, inputs: [])]
  package var layers: [Layer] = []

  /// The weights of all convolutions.
  var weightCount: Int {
    nodes.reduce(0) { sum, node in
      if case .convolution(let convolution) = node.operator { sum + convolution.weightCount } else { sum }
    }
  }

  package init(mean: [Float], deviation: [Float]) { (self.mean, self.deviation) = (mean, deviation) }

  /// Adds a node and returns its number.
  package mutating func add(_ operator: Operator, _ inputs: Int...) -> Int {
    nodes.append(Node(operator: `operator`, inputs: inputs))
    return nodes.count - 1
  }
}
