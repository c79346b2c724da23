/// A model as its file describes it, whatever the format.
struct Checkpoint {
  /// The tensors under clean names, with all that is known of the model beside them.
  let file: InformedTensors
  let facts: ModelFacts
  let origin: ModelOrigin
  private let network: Network

  fileprivate enum Network {
    /// A family, recognised in the tensors.
    case family(RecognizedNetwork)
    /// A graph that the file holds.
    case graph(GraphNetwork)
  }

  /// Checks everything but the values.
  /// - Parameters:
  ///   - file: what errors call it.
  ///   - path: of the file, beside which configurations and further parts are looked for; nil: it is none of its own.
  ///   - owner: of the bytes, if they last; else the weights are copied.
  ///   - said: what the user says of the model.
  /// - Throws: `CheckpointError`
  init(
    _ bytes: UnsafeRawBufferPointer, file: String, path: String? = nil, name: String,
    owner: LastingBytes? = nil, said: ModelInfo = ModelInfo()
  ) throws {
    let beside = try path.flatMap(ModelInfo.beside) ?? ModelInfo()
    let opened: any TensorFile
    if ONNXFile.begins(bytes) {
      let folder = path.map { path in
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
      }
      opened = try ONNXFile(bytes, file: file, owner: owner, folder: folder)
    } else {
      opened = CleanTensors(try TensorFiles.open(bytes, file: file, owner: owner, weights: said.weights))
    }
    let tensors = InformedTensors(opened, said: said, beside: beside)
    let network: Network =
      if let graph = opened as? ONNXFile {
        .graph(try GraphNetwork(ONNXModel(graph), file: file))
      } else if tensors.metadata["architecture"] == StoredGraph.name {
        .graph(try GraphNetwork(tensors))
      } else {
        .family(try RecognizedNetwork(tensors))
      }
    (self.file, self.network) = (tensors, network)
    (facts, origin) = try Checkpoint.describe(tensors, network, name: name, said: said, beside: beside)
  }

  /// Reads a file, which stays mapped.
  /// - Throws: `CheckpointError`
  init(contentsOf path: String, said: ModelInfo = ModelInfo()) throws {
    let file = try CheckpointFile.map(path)
    try self.init(
      file.bytes, file: path, path: path, name: Checkpoint.name(ofFile: path), owner: file, said: said)
  }

  private static func describe(
    _ file: InformedTensors, _ network: Network, name: String, said: ModelInfo, beside: ModelInfo
  ) throws -> (ModelFacts, ModelOrigin) {
    let metadata = file.metadata
    func number(_ key: String, in range: ClosedRange<Double>) throws -> Double? {
      guard let text = metadata[key] else { return nil }
      guard let value = Double(text), range.contains(value) else {
        throw file.refuse(
          "__metadata__ \(key) is \(text.quoted), not a number in \(range.lowerBound)...\(range.upperBound)")
      }
      return value
    }
    let eps = try number("eps", in: 0...1e6)
    let side = try number("size", in: 1...1e5).map { Int($0) } ?? network.side
    var origin = network.origin(file)
    origin.sizeSource = source(metadata["size"] != nil, said.side != nil, beside.side != nil)
    if said.mean != nil {
      origin.normalizationSource = .said
    } else if origin.normalizationSource == .assumed, beside.mean != nil {
      origin.normalizationSource = .beside
    }
    (origin.mean, origin.deviation) = try network.pixels(file)

    var classes: [String]
    if let text = metadata["classes"] {
      let names = (try? JSONValue(text))?.array?.compactMap(\.string)
      guard let names, names.count == network.classCount else {
        throw file.refuse("classes is not a list of \(network.classCount) names")
      }
      (classes, origin.namesClasses) = (names, true)
    } else if let known = KnownClasses.of(count: network.classCount, side: side) {
      (classes, origin.assumedClasses, origin.namesClasses) = (known.names, known.dataset, true)
    } else {
      classes = (0..<network.classCount).map { "class \($0)" }
    }
    let facts = ModelFacts(
      name: metadata["name"] ?? name, architecture: network.description, classes: classes, side: side,
      smallest: network.smallest, fixedSize: network.fixedSize, constraint: metadata["constraint"],
      eps: eps ?? 0, cleanAccuracy: try number("clean_accuracy", in: 0...1),
      robustAccuracy: try number("robust_accuracy", in: 0...1),
      evaluatedEps: try number("evaluated_eps", in: 0...1e6), epochs: metadata["epochs"],
      parameterCount: network.parameterCount(file), layers: network.layers,
      hasSeeds: try SeedDistribution.isIn(file, classCount: classes.count))
    return (facts, origin)
  }

  private static func source(_ isKnown: Bool, _ isSaid: Bool, _ isBeside: Bool) -> ModelOrigin.Source {
    isSaid ? .said : !isKnown ? .assumed : isBeside ? .beside : .file
  }

  /// - Parameters: as of `RecognizedNetwork.graph`.
  /// - Throws: `CheckpointError`
  func graph(
    training: (parameters: Parameters, mode: NormMode)? = nil, head: TrainableModel.Head? = nil
  ) throws -> Graph {
    let pixels = PixelStatistics(mean: origin.mean, deviation: origin.deviation)
    let graph: Graph
    switch network {
    case .family(let family):
      graph = try family.graph(file, pixels, training: training, head: head)
    case .graph(let network):
      guard training == nil else {
        throw file.refuse("a network that is known as a graph alone cannot be trained; a \(ResNet.title) can")
      }
      var own = network.graph
      (own.mean, own.deviation) = (pixels.mean, pixels.deviation)
      graph = own
    }
    do {
      _ = try graph.shapes(
        height: facts.fixedSize?.height ?? max(facts.side, facts.smallest),
        width: facts.fixedSize?.width ?? max(facts.side, facts.smallest))
    } catch let error as RuntimeError {
      throw file.refuse(error.description)
    }
    return graph
  }

  /// The weights of the last linear layer, [class][channel].
  func head() throws -> StoredTensor {
    switch network {
    case .family(let family): try file.stored(family.head)
    case .graph(let network): network.head
    }
  }

  func seeds() throws -> SeedDistribution? { try SeedDistribution(file, classCount: facts.classes.count) }

  /// The tensors and metadata of a file of our own with the same network: its own tensors where it is of a family, else
  /// those of its graph.
  /// - Parameter halves: whether weights are kept as halves, where they were no more in the file or `halves` is true.
  /// - Throws: `CheckpointError`
  func contents(halves: Bool) throws -> (tensors: [NamedTensor], metadata: [String: String]) {
    var (tensors, metadata): ([NamedTensor], [String: String])
    switch network {
    case .family(let family):
      // What is told beside a network stays, but for what only its file knows.
      metadata = file.metadata
      metadata["architecture"] = family.family.name
      tensors = []
      for (name, facts) in file.tensors.sorted(by: { $0.key < $1.key })
      where facts.type.isReal && name != "mean" && name != "std" && !name.hasPrefix("seeds.") {
        tensors.append(
          NamedTensor(
            name: name, shape: facts.shape, values: try file.values(name),
            isHalf: facts.shape.count > 1 && (halves || facts.type == .half)))
      }
    case .graph(let network):
      (tensors, metadata) = StoredGraph.contents(of: network.graph)
      metadata["description"] = network.description
      if halves { for k in tensors.indices { tensors[k].isHalf = tensors[k].shape.count > 1 } }
    }
    tensors.append(NamedTensor(name: "mean", shape: [3], values: origin.mean))
    tensors.append(NamedTensor(name: "std", shape: [3], values: origin.deviation))
    metadata["name"] = facts.name
    metadata["size"] = "\(facts.side)"
    metadata["constraint"] = facts.constraint
    metadata["eps"] = facts.eps > 0 ? "\(facts.eps)" : nil
    if origin.namesClasses {
      metadata["classes"] = "[\(facts.classes.map(\.inJSON).joined(separator: ","))]"
    }
    return (tensors, metadata)
  }

  /// The last part of a path without its extension.
  static func name(ofFile path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = file.lastIndex(of: "."), dot > file.startIndex else { return file }
    return String(file[..<dot])
  }
}

/// A network that is known as a graph, and of no family.
struct GraphNetwork {
  let graph: Graph
  let description: String
  let layers: [LayerFacts]
  /// The weights of the last linear layer, [class][channel].
  let head: StoredTensor
  let side, classCount, parameterCount: Int
  /// Whether the graph itself normalises the pixels.
  let normalizesPixels: Bool
  /// Whether the mean and deviation are told at all.
  let knowsPixels: Bool
  let format: String
  let notes: [String]

  /// - Throws: `CheckpointError`
  init(_ model: ONNXModel, file: String) throws {
    (head, notes) = (model.head, model.facts.notes)
    var graph = model.graph
    // Exports leave to the program what is done to the pixels before the network.
    if model.facts.normalization == nil, model.facts.classCount == KnownClasses.imageNet.count {
      (graph.mean, graph.deviation) = (PixelStatistics.imageNet.mean, PixelStatistics.imageNet.deviation)
    }
    self.graph = graph
    (classCount, parameterCount) = (model.facts.classCount, model.facts.parameterCount)
    let size = model.facts.statedSize
    side = size.map { min($0.height, $0.width) } ?? 224
    normalizesPixels = model.facts.normalization == .graph
    knowsPixels = model.facts.normalization != nil
    let producer = model.facts.producer
    format = "ONNX, opset \(model.facts.opset)" + (producer.isEmpty ? "" : ", by \(producer)")
    description = "graph of \(model.graph.nodes.count - 1) operators"
    do {
      layers = try model.graph.layerFacts(height: size?.height ?? 224, width: size?.width ?? 224)
    } catch let error as RuntimeError {
      throw CheckpointError(file: file, problem: error.description)
    }
  }

  /// Reads a graph of a file of our own.
  /// - Throws: `CheckpointError`
  init(_ file: InformedTensors) throws {
    graph = try StoredGraph.graph(file, mean: [0, 0, 0], deviation: [1, 1, 1])
    head = try file.stored("n\(graph.nodes.count - 1).weight")
    side = file.metadata["size"].flatMap { Int($0) }.flatMap { (1...100_000).contains($0) ? $0 : nil } ?? 224
    parameterCount = file.tensors.reduce(0) { $0 + ($1.key.hasPrefix("seeds.") ? 0 : $1.value.count) }
    (normalizesPixels, knowsPixels, notes) = (false, file.shape("mean") != nil, [])
    format = file.format
    description = file.metadata["description"] ?? "graph of \(graph.nodes.count - 1) operators"
    do {
      let (height, width) = graph.fixedSize ?? (side, side)
      layers = try graph.layerFacts(height: height, width: width)
      let last = try graph.shapes(height: height, width: width).last!
      guard last.height * last.width == 1 else { throw file.refuse("its logits are maps") }
      classCount = last.channels
    } catch let error as RuntimeError {
      throw file.refuse(error.description)
    }
  }
}

extension Checkpoint.Network {
  fileprivate var description: String {
    switch self {
    case .family(let family): family.traits.description
    case .graph(let network): network.description
    }
  }

  fileprivate var side: Int {
    switch self {
    case .family(let family): family.traits.side
    case .graph(let network): network.side
    }
  }

  fileprivate var classCount: Int {
    switch self {
    case .family(let family): family.classCount
    case .graph(let network): network.classCount
    }
  }

  fileprivate var layers: [LayerFacts] {
    switch self {
    case .family(let family): family.layers
    case .graph(let network): network.layers
    }
  }

  fileprivate var fixedSize: ImageSize? {
    let size =
      switch self {
      case .family(let family): family.traits.fixedSize
      case .graph(let network): network.graph.fixedSize
      }
    return size.map { ImageSize(height: $0.height, width: $0.width) }
  }

  /// The least height and width an image may have.
  fileprivate var smallest: Int {
    if let fixedSize { return min(fixedSize.height, fixedSize.width) }
    return layers.map(\.reduction).max() ?? 1
  }

  /// Numbers that were learned; of a graph those of its file.
  fileprivate func parameterCount(_ file: InformedTensors) -> Int {
    switch self {
    case .family:
      file.tensors.reduce(0) { $0 + ($1.key.hasPrefix("seeds.") ? 0 : $1.value.count) }
    case .graph(let network): network.parameterCount
    }
  }

  /// The mean and deviation of the pixels.
  /// - Throws: `CheckpointError` if they are not of three channels, or a deviation is not positive.
  fileprivate func pixels(_ file: InformedTensors) throws -> (mean: [Float], deviation: [Float]) {
    func threeChannels(_ name: String) throws -> [Float]? {
      guard let shape = file.shape(name) else { return nil }
      guard shape.reduce(1, { $0 * $1 }) == 3 else {
        throw file.refuse("\(name.quoted) has the shape \(shape), not three values")
      }
      return try file.values(name)
    }
    let usual: PixelStatistics
    switch self {
    case .family(let family): usual = family.traits.pixels
    case .graph(let network):
      usual = PixelStatistics(mean: network.graph.mean, deviation: network.graph.deviation)
      if network.normalizesPixels { return (usual.mean, usual.deviation) }
    }
    let mean = try threeChannels("mean") ?? usual.mean
    let deviation = try threeChannels("std") ?? usual.deviation
    guard deviation.allSatisfy({ $0 > 1e-6 }) else { throw file.refuse("'std' is not positive") }
    return (mean, deviation)
  }

  /// What the file itself tells of its origin.
  fileprivate func origin(_ file: InformedTensors) -> ModelOrigin {
    var origin = ModelOrigin(
      format: file.format, mean: [], deviation: [], normalizationSource: .assumed, namesClasses: false,
      sizeSource: .assumed)
    switch self {
    case .family(let family):
      origin.notes = family.assumptions
      guard let clean = file.base as? CleanTensors else { return origin }
      (origin.prefixes, origin.leftOut) = (clean.prefixes, clean.leftOut)
      if clean.normalisation != nil { origin.normalizationSource = .file }
      if let torch = clean.base as? PyTorchFile {
        (origin.place, origin.otherPlaces) = (torch.path, torch.others)
        if let module = torch.module { origin.notes.append("saved as a whole module, \(module)") }
      }
    case .graph(let network):
      (origin.format, origin.notes) = (network.format, network.notes)
      if network.knowsPixels { origin.normalizationSource = .file }
    }
    return origin
  }
}
