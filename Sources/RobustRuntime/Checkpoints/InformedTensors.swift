/// Tensors with what else is known of their model, as if it stood in their file.
///
/// The facts go into the metadata under the names that our own files give them (classes, size, eps,
/// constraint, name, and any option), the normalisation becomes the tensors "mean" and "std", and the name of
/// the architecture stands in the metadata as "variant".
package struct InformedTensors: TensorFile {
  package let base: any TensorFile
  package let tensors: [String: TensorFacts]
  package let metadata: [String: String]
  private let statistics: [String: [Float]]

  package var file: String { base.file }
  package var format: String { base.format }

  /// - Parameter said: by the user, which is believed before the file.
  /// - Parameter beside: the file, which is believed where the file itself says nothing.
  package init(_ base: any TensorFile, said: ModelInfo, beside: ModelInfo) {
    self.base = base
    metadata = Self.metadata(beside).merging(base.metadata) { $1 }.merging(Self.metadata(said)) { $1 }
    var statistics: [String: [Float]] = [:]
    for (name, said, beside) in [("mean", said.mean, beside.mean), ("std", said.deviation, beside.deviation)]
    {
      if let said { statistics[name] = said } else if base.shape(name) == nil { statistics[name] = beside }
    }
    self.statistics = statistics
    let facts = statistics.mapValues { TensorFacts(type: .float, shape: [$0.count], count: $0.count) }
    tensors = base.tensors.merging(facts) { $1 }
  }

  private static func metadata(_ info: ModelInfo) -> [String: String] {
    var facts = info.options
    // What only our own files say is not to be taken from options of others.
    for key in ["architecture", "clean_accuracy", "robust_accuracy", "evaluated_eps", "epochs"] {
      facts[key] = nil
    }
    facts["name"] = info.name
    facts["variant"] = info.architecture
    facts["size"] = info.side.map(String.init)
    facts["eps"] = info.eps.map { "\($0)" }
    facts["constraint"] = info.constraint
    facts["classes"] = info.classes.map { "[\($0.map(\.inJSON).joined(separator: ","))]" }
    return facts
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let values = statistics[name] else { return try base.tensor(name) }
    return StoredTensor(values)
  }
}
