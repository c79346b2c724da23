/// A graph made ready for computing, for any image size: residuals and ReLUs joined to the operation that produces them,
/// and for inference batch normalisation folded into the convolutions.
package struct Network: Sendable {
  package enum Purpose: Sendable {
    case inference
    /// Training, in which norms stay operations of their own, so that they can use the statistics of a batch.
    case training
  }

  /// One operation, and what follows it value by value. Step k writes value k + 1; value 0 is the normalised input.
  struct Step: Sendable {
    var operation: any Operation
    var inputs: [Int]
    var activation = Activation.identity
  }

  struct Layer: Sendable {
    let name: String
    /// The number of the value.
    let value: Int
  }

  let normalization: InputNormalization
  private(set) var steps: [Step] = []
  private(set) var layers: [Layer] = []
  package var stepCount: Int { steps.count }
  /// The step whose ReLU is the last before the pooled representation.
  private(set) var lastReLU: Int?

  /// The number of weights from which on memory counts for more than the last few percent of speed.
  private static let leastLarge = 16 << 20

  package init(_ graph: Graph, for purpose: Purpose = .inference) {
    normalization = InputNormalization(mean: graph.mean, deviation: graph.deviation)
    let isLarge = graph.weightCount >= Network.leastLarge
    var readers = [Int](repeating: 0, count: graph.nodes.count)
    for node in graph.nodes { for input in node.inputs { readers[input] += 1 } }
    // A layer is also read from outside, so nothing may be joined to it.
    for layer in graph.layers { readers[layer.node] += 1 }
    readers[graph.nodes.count - 1] += 1

    // value[n]: where the value of node n is.
    var value = [Int](repeating: 0, count: graph.nodes.count)
    for (n, node) in graph.nodes.enumerated() {
      let inputs = node.inputs.map { value[$0] }
      // The step that can still take in this node: the last one, if nothing else reads what it writes.
      func joins(_ input: Int) -> Bool {
        readers[input] == 1 && value[input] == steps.count && !steps.isEmpty
      }
      func fold(_ affine: ChannelAffine) {
        if joins(node.inputs[0]), let last = steps.last, last.inputs.count == 1, last.activation == .identity,
          let folded = last.operation.followed(by: affine)
        {
          steps[steps.count - 1].operation = folded
        } else {
          steps.append(Step(operation: affine, inputs: inputs))
        }
      }
      switch node.operator {
      case .input: continue
      case .convolution(let convolution):
        steps.append(
          Step(
            operation: isLarge ? convolution : convolution.keepingWeightsOfBothDirections(), inputs: inputs))
      case .batchNormalization(let affine): fold(affine)
      case .trainedNormalization(let norm):
        if purpose == .training {
          steps.append(Step(operation: norm, inputs: inputs))
        } else {
          fold(norm.affine)
        }
      case .add:
        if let last = steps.last, last.operation.passesGradientToSecondInput, last.inputs.count == 1,
          last.activation == .identity, node.inputs.count == 2,
          let main = node.inputs.firstIndex(where: joins),
          inputs[0] != inputs[1]
        {
          steps[steps.count - 1].inputs.append(inputs[1 - main])
        } else {
          steps.append(Step(operation: Sum(), inputs: inputs))
        }
      case .relu:
        if joins(node.inputs[0]) {
          steps[steps.count - 1].activation = .relu
        } else {
          steps.append(Step(operation: Sum(), inputs: inputs, activation: .relu))
        }
      case .maxPool(let pool): steps.append(Step(operation: pool, inputs: inputs))
      case .meanPool:
        if let step = inputs.first, step > 0, steps[step - 1].activation == .relu { lastReLU = step - 1 }
        steps.append(Step(operation: MeanPool(), inputs: inputs))
      }
      value[n] = steps.count
    }
    layers = graph.layers.map { Layer(name: $0.name, value: value[$0.node]) }
  }
}
