/// A model as its file describes it.
struct Checkpoint {
  let file: any TensorFile
  let architecture: ResNet
  let facts: ModelFacts

  /// Checks everything but the values.
  /// - Parameter owner: of the bytes, if they last; else the weights are copied.
  /// - Throws: `CheckpointError`
  init(_ bytes: UnsafeRawBufferPointer, file: String, name: String, owner: LastingBytes? = nil) throws {
    let file = try TensorFiles.open(bytes, file: file, owner: owner)
    let metadata = file.metadata
    let architecture = try ResNet(file)

    func number(_ key: String, in range: ClosedRange<Double>) throws -> Double? {
      guard let text = metadata[key] else { return nil }
      guard let value = Double(text), range.contains(value) else {
        throw file.refuse(
          "__metadata__ \(key) is \(text.quoted), not a number in \(range.lowerBound)...\(range.upperBound)")
      }
      return value
    }
    if let family = metadata["architecture"], family != "resnet" {
      throw file.refuse("the architecture \(family.quoted) is not known; known is: resnet")
    }

    var classes = (0..<architecture.classCount).map { "class \($0)" }
    if let text = metadata["classes"] {
      let names = (try? JSONValue(text))?.array?.compactMap(\.string)
      guard let names, names.count == classes.count else {
        throw file.refuse("__metadata__ classes is not a JSON list of \(classes.count) names")
      }
      classes = names
    }
    let eps = try number("eps", in: 0...1e6)
    let layers = architecture.layers
    facts = ModelFacts(
      name: metadata["name"] ?? name,
      architecture: architecture.description, classes: classes,
      side: try number("size", in: 1...1e5).map { Int($0) } ?? (architecture.hasMaxPool ? 224 : 32),
      smallest: layers.map(\.reduction).max() ?? 1,
      constraint: metadata["constraint"], eps: eps ?? 0,
      cleanAccuracy: try number("clean_accuracy", in: 0...1),
      robustAccuracy: try number("robust_accuracy", in: 0...1),
      evaluatedEps: try number("evaluated_eps", in: 0...1e6), epochs: metadata["epochs"],
      parameterCount: file.tensors.filter { !$0.key.hasPrefix("seeds.") }.reduce(0) { $0 + $1.value.count },
      layers: layers, hasSeeds: try SeedDistribution.isIn(file, classCount: classes.count))
    (self.file, self.architecture) = (file, architecture)
  }

  /// - Parameters: as of `ResNet.graph`.
  /// - Throws: `CheckpointError`
  func graph(
    training: (parameters: Parameters, mode: NormMode)? = nil, head: TrainableModel.Head? = nil
  ) throws -> Graph {
    // Networks with a 7x7 stem are made for ImageNet, with its statistics; others without statistics take
    // images as they are.
    let isImageNet = architecture.hasMaxPool
    let mean = try threeChannels("mean") ?? (isImageNet ? [0.485, 0.456, 0.406] : [0, 0, 0])
    let deviation = try threeChannels("std") ?? (isImageNet ? [0.229, 0.224, 0.225] : [1, 1, 1])
    guard deviation.allSatisfy({ $0 > 1e-6 }) else { throw file.refuse("'std' is not positive") }
    return try architecture.graph(file, mean: mean, deviation: deviation, training: training, head: head)
  }

  private func threeChannels(_ name: String) throws -> [Float]? {
    guard let shape = file.shape(name) else { return nil }
    guard shape.reduce(1, { $0 * $1 }) == 3 else {
      throw file.refuse("\(name.quoted) has the shape \(shape), not three values")
    }
    return try file.values(name)
  }

  /// The weights of the last linear layer, [class][channel].
  func head() throws -> StoredTensor { try file.stored("\(architecture.head).weight") }

  func seeds() throws -> SeedDistribution? { try SeedDistribution(file, classCount: facts.classes.count) }

  /// The last part of a path without its extension.
  static func name(ofFile path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = file.lastIndex(of: "."), dot > file.startIndex else { return file }
    return String(file[..<dot])
  }
}
