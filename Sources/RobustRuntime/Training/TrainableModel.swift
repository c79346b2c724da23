import CKernels

/// A network that is being trained: its parameters, and its graph lowered for training.
package final class TrainableModel {
  package let parameters = Parameters()
  package let facts: ModelFacts
  /// [channel]: the mean and deviation of the pixels.
  package let mean, deviation: [Float]
  package let network: Network
  package let mode = NormMode()
  private let metadata: [String: String]
  /// "3x3 stem of stride 2, no max-pool"
  package let stem: String

  /// Reads a checkpoint of a residual network, whose tensors become the parameters.
  /// - Parameter classes: which it is to tell apart; nil: its own. Where they are others, the last layer
  /// begins with the rows of those that it knows, and random ones for the rest.
  /// - Parameter averages: whether averages of the values are kept.
  /// - Throws: `CheckpointError`, `RuntimeError.outOfMemory`
  package init(
    _ bytes: UnsafeRawBufferPointer, name: String, classes: [String]? = nil, seed: UInt64 = 0,
    averages: Bool = true
  ) throws {
    let checkpoint = try Checkpoint(bytes, file: name, name: name)
    var facts = checkpoint.facts
    let known = facts.classes
    let graph = try checkpoint.graph(
      training: (parameters, mode), head: classes.map { Head(known: known, wanted: $0, seed: seed) })
    if let classes { facts.classes = classes }
    self.facts = facts
    metadata = checkpoint.file.metadata
    stem = try ResNet.stem(NetworkBuilder(checking: checkpoint.file)).description
    (mean, deviation) = (graph.mean, graph.deviation)
    network = Network(graph, for: .training)
    try parameters.allocate(averages: averages)
  }

  /// How a last layer is brought to other classes.
  struct Head {
    let known, wanted: [String]
    let seed: UInt64

    /// The rows of the layer that is wanted, of `width` floats each, from those of the one that is there.
    func rows(_ values: [Float], width: Int) -> [Float] {
      guard known != wanted else { return values }
      let random = NetworkDescription.head(
        classes: wanted.count, channels: width, name: "fc",
        random: Philox(seed: seed, stream: 0x6865_6164 << 32))
      var rows = width == 1 ? random[1].values : random[0].values
      for (row, name) in wanted.enumerated() {
        guard let old = known.firstIndex(of: name) else { continue }
        rows.replaceSubrange(row * width..<(row + 1) * width, with: values[old * width..<(old + 1) * width])
      }
      return rows
    }
  }

  /// One kind of the parameters' numbers under the names of a checkpoint, weights as halves.
  package func tensors(_ kind: Parameters.Kind) -> [NamedTensor] {
    let own = parameters.entries.enumerated().map { index, entry in
      NamedTensor(
        name: entry.name, shape: entry.shape, values: parameters.values(index, kind),
        isHalf: entry.role == .weight)
    }
    return own + [
      NamedTensor(name: "mean", shape: [3], values: mean),
      NamedTensor(name: "std", shape: [3], values: deviation),
    ]
  }

  /// Goes back to the averages that did best, which become the values and the averages again; nothing is left
  /// of the steps after them.
  package func returnToBest() {
    parameters.copy(.best, to: .values)
    parameters.copy(.best, to: .averages)
    parameters.clear(.velocities)
  }

  /// Numbers that are learned.
  package var parameterCount: Int {
    parameters.entries.reduce(0) { $0 + ($1.role == .statistic ? 0 : $1.count) }
  }

  /// Multiplications with additions of one image's way forwards, by the plain algorithm.
  package func products(side: Int) -> Int {
    var shapes = [Shape(channels: 3, height: side, width: side)]
    var products = 0
    for step in network.steps {
      let shape = step.operation.outputShape(of: step.inputs.map { shapes[$0] })
      if let convolution = step.operation as? Convolution {
        products += convolution.weightCount * shape.height * shape.width
      }
      shapes.append(shape)
    }
    return products
  }

  /// What a file of the model says of its architecture.
  package var architectureMetadata: [String: String] {
    var facts = metadata.filter { ["block", "stem", "stem_stride", "widths", "blocks"].contains($0.key) }
    facts["architecture"] = "resnet"
    facts["classes"] = "[\(self.facts.classes.map(\.inJSON).joined(separator: ","))]"
    return facts
  }

  /// The classifier that one kind of the parameters' numbers makes, as a file of it would.
  /// - Throws: `RuntimeError.notFinite`
  package func classifier(_ kind: Parameters.Kind) throws -> Classifier {
    let bytes = try SafeTensorsWriter.bytes(tensors(kind), metadata: architectureMetadata)
    return try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: facts.name) }
  }
}
