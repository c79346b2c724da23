import CKernels

/// A network that is being trained: its parameters, and its graph lowered for training.
package final class TrainableModel {
  package let parameters = Parameters()
  package let facts: ModelFacts
  /// Of the pixels, by channel.
  package let mean, deviation: [Float]
  let network: Network
  let mode = NormMode()

  /// Reads a checkpoint of a residual network, whose tensors become the parameters.
  /// - Throws: `CheckpointError`, `RuntimeError.outOfMemory`
  package init(_ bytes: UnsafeRawBufferPointer, name: String) throws {
    let checkpoint = try Checkpoint(bytes, file: name, name: name)
    let graph = try checkpoint.graph(training: (parameters, mode))
    (mean, deviation) = (graph.mean, graph.deviation)
    facts = checkpoint.facts
    network = Network(graph, for: .training)
    try parameters.allocate()
  }
}
