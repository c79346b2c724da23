/// A model as its file describes it.
struct Checkpoint {
  let file: any TensorFile
  let network: RecognizedNetwork
  let facts: ModelFacts

  /// Checks everything but the values.
  /// - Parameter owner: of the bytes, if they last; else the weights are copied.
  /// - Throws: `CheckpointError`
  init(_ bytes: UnsafeRawBufferPointer, file: String, name: String, owner: LastingBytes? = nil) throws {
    let file = try TensorFiles.clean(bytes, file: file, owner: owner)
    let metadata = file.metadata
    let network = try RecognizedNetwork(file)

    func number(_ key: String, in range: ClosedRange<Double>) throws -> Double? {
      guard let text = metadata[key] else { return nil }
      guard let value = Double(text), range.contains(value) else {
        throw file.refuse(
          "__metadata__ \(key) is \(text.quoted), not a number in \(range.lowerBound)...\(range.upperBound)")
      }
      return value
    }
    var classes = (0..<network.classCount).map { "class \($0)" }
    if let text = metadata["classes"] {
      let names = (try? JSONValue(text))?.array?.compactMap(\.string)
      guard let names, names.count == classes.count else {
        throw file.refuse("__metadata__ classes is not a JSON list of \(classes.count) names")
      }
      classes = names
    }
    let eps = try number("eps", in: 0...1e6)
    facts = ModelFacts(
      name: metadata["name"] ?? name,
      architecture: network.traits.description, classes: classes,
      side: try number("size", in: 1...1e5).map { Int($0) } ?? network.traits.side,
      smallest: network.layers.map(\.reduction).max() ?? 1,
      constraint: metadata["constraint"], eps: eps ?? 0,
      cleanAccuracy: try number("clean_accuracy", in: 0...1),
      robustAccuracy: try number("robust_accuracy", in: 0...1),
      evaluatedEps: try number("evaluated_eps", in: 0...1e6), epochs: metadata["epochs"],
      parameterCount: file.tensors.filter { !$0.key.hasPrefix("seeds.") }.reduce(0) { $0 + $1.value.count },
      layers: network.layers, hasSeeds: try SeedDistribution.isIn(file, classCount: classes.count))
    (self.file, self.network) = (file, network)
  }

  /// - Parameters: as of `RecognizedNetwork.graph`.
  /// - Throws: `CheckpointError`
  func graph(
    training: (parameters: Parameters, mode: NormMode)? = nil, head: TrainableModel.Head? = nil
  ) throws -> Graph {
    let usual = network.traits.pixels
    let mean = try threeChannels("mean") ?? usual.mean
    let deviation = try threeChannels("std") ?? usual.deviation
    guard deviation.allSatisfy({ $0 > 1e-6 }) else { throw file.refuse("'std' is not positive") }
    return try network.graph(
      file, PixelStatistics(mean: mean, deviation: deviation), training: training, head: head)
  }

  private func threeChannels(_ name: String) throws -> [Float]? {
    guard let shape = file.shape(name) else { return nil }
    guard shape.reduce(1, { $0 * $1 }) == 3 else {
      throw file.refuse("\(name.quoted) has the shape \(shape), not three values")
    }
    return try file.values(name)
  }

  /// The weights of the last linear layer, [class][channel].
  func head() throws -> StoredTensor { try file.stored(network.head) }

  func seeds() throws -> SeedDistribution? { try SeedDistribution(file, classCount: facts.classes.count) }

  /// The last part of a path without its extension.
  static func name(ofFile path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = file.lastIndex(of: "."), dot > file.startIndex else { return file }
    return String(file[..<dot])
  }
}
