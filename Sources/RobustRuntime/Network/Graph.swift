/// Extents of a feature map of one image.
package struct Shape: Sendable, Equatable {
  package var channels, height, width: Int
  package init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }
}

/// A network as its operators and what they read. Node 0 is the input, after its channels were normalised; a
/// node reads only nodes before it. The last node gives the logits, one channel each at a single position.
///
/// Tokens of a transformer are positions of a map: [channels, 1, tokens]. So a linear layer is a 1x1 convolution, and a
/// normalisation of each token is one over the channels.
package struct Graph: Sendable {
  package struct Node: Sendable {
    package var `operator`: Operator
    /// A convolution, or a normalisation that is trained, may have a second input, which lowering has joined to it: it is
    /// added to what the operator gives.
    package var inputs: [Int]
    /// What lowering has joined to the operator: the identity or a ReLU, which may be one up to 6.
    package var activation = Activation.identity
  }

  package enum Operator: Sendable {
    case input
    case convolution(Convolution)
    /// out[c] = scale[c] · in[c] + shift[c]: batch normalisation once it is trained, and a layer's scale.
    case batchNormalization(ChannelAffine)
    /// Batch normalisation while it is trained.
    case trainedNormalization(BatchNormalization)
    /// Over the channels of each position: a transformer's layer normalisation.
    case channelNormalization(ChannelNormalization)
    /// Over the channels of a group and all positions.
    case groupNormalization(GroupNormalization)
    case activation(Activation)
    /// Over the channels of each position.
    case softmax
    /// The sum of two maps of the same shape.
    case add
    /// The product of two maps with the same channels; the second may have one position, which then gates all of the first.
    case multiply
    /// Adds a constant map.
    case addConstant(ConstantMap)
    case maxPool(MaxPool)
    case averagePool(AveragePool)
    /// Means over windows that cut a map of any size to one of this size.
    case adaptiveAveragePool(height: Int, width: Int)
    /// The mean over all positions.
    case meanPool
    /// Joins the channels of its inputs, in their order.
    case concatenation
    /// Some of the channels.
    case slice(Range<Int>)
    /// out[c] = in[order[c]]: shuffled channels.
    case permutation([Int])
    /// Puts constant tokens before all positions: [C, H, W] → [C, 1, tokens + H·W].
    case tokens(ClassTokens)
    /// Some of the positions, in the order of rows: [C, H, W] → [C, 1, positions].
    case positions(Range<Int>)
    /// Some of the positions, in the order of rows, as a map of so many rows.
    case grid(Range<Int>, rows: Int)
    /// [C, H, W] → [C·H·W, 1, 1], in this order.
    case flatten
    /// softmax(scale · qᵀk) v for each head, of queries, keys and values, which are three inputs.
    case attention(Attention)
  }

  /// A node whose values can be read and whose gradient can be set.
  package struct Layer: Sendable {
    package var name: String
    package var node: Int

    package init(name: String, node: Int) { (self.name, self.node) = (name, node) }
  }

  /// The input is (x − mean) / deviation, by channel.
  package var mean: [Float], deviation: [Float]
  package private(set) var nodes = [Node(operator: .input, inputs: [])]
  package var layers: [Layer] = []
  /// The only extents of images that the network takes; nil: it takes all from some size on.
  package var fixedSize: (height: Int, width: Int)?

  /// The weights of all convolutions.
  var weightCount: Int {
    nodes.reduce(0) { sum, node in
      if case .convolution(let convolution) = node.operator { sum + convolution.weightCount } else { sum }
    }
  }

  package init(mean: [Float], deviation: [Float]) { (self.mean, self.deviation) = (mean, deviation) }

  /// Adds a node and returns its number.
  package mutating func add(_ operator: Operator, _ inputs: Int...) -> Int { add(`operator`, inputs) }

  package mutating func add(_ operator: Operator, _ inputs: [Int]) -> Int {
    nodes.append(Node(operator: `operator`, inputs: inputs))
    return nodes.count - 1
  }

  /// The graph with its nodes taken over one after the other, each as a node or as a change of one before it.
  /// - Parameter join: changes a node of the new graph to one that does the work of both, and returns its number; nil:
  ///   the node stays. It is given the node, reading nodes of the new graph, and for each input whether nothing else reads
  ///   that.
  func joiningNodes(_ join: (_ graph: inout Graph, _ node: Node, _ isLone: [Bool]) -> Int?) -> Graph {
    var readers = [Int](repeating: 0, count: nodes.count)
    for node in nodes { for input in node.inputs { readers[input] += 1 } }
    // A layer is also read from outside.
    for layer in layers { readers[layer.node] += 1 }
    readers[nodes.count - 1] += 1
    var graph = self
    graph.nodes = [nodes[0]]
    var place = [0]
    for (n, node) in nodes.enumerated().dropFirst() {
      var moved = node
      moved.inputs = node.inputs.map { place[$0] }
      // What gives the logits stays the last node, also where nodes before it are read by nothing.
      let isLone = node.inputs.map {
        $0 > 0 && readers[$0] == 1 && (n < nodes.count - 1 || place[$0] == graph.nodes.count - 1)
      }
      if let joined = join(&graph, moved, isLone) {
        place.append(joined)
      } else {
        graph.nodes.append(moved)
        place.append(graph.nodes.count - 1)
      }
    }
    graph.layers = layers.map { Layer(name: $0.name, node: place[$0.node]) }
    return graph
  }

  /// Changes a node.
  mutating func change(_ node: Int, _ change: (inout Node) -> Void) { change(&nodes[node]) }
}
