/// A network from an ONNX file (https://onnx.ai): opset 11 or later, as exporters of PyTorch write them.
package struct ONNXModel {
  package struct Facts: Sendable, Equatable {
    /// The program that wrote the file, and its version.
    package var producer: String
    package var opset: Int
    /// The name of the images in the file.
    package var input: String
    /// The extents of images that the file states, or else the first ones that fit; nil: any fit.
    package var statedSize: ImageSize?
    /// What was left out or assumed.
    package var notes: [String]
    package var classCount: Int
    package var parameterCount: Int
    /// Whether mean and deviation come from the graph or from the metadata; nil: none are told.
    package var normalization: Normalization?
    /// What the file says beside the graph.
    package var metadata: [String: String]
  }

  package struct ImageSize: Sendable, Equatable {
    package var height, width: Int

    package init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
  }

  package enum Normalization: String, Sendable { case graph, metadata }

  package let graph: Graph
  package let facts: Facts
  /// The weights of the last linear layer, [class][channel].
  package let head: StoredTensor
  /// Its inputs.
  package let representationChannels: Int

  /// The sides that are tried where a file leaves them free.
  private static let sides = [224, 32, 64, 96, 128, 256, 299, 384, 448, 512, 28]

  /// The bytes must outlive this only if an owner holds them; else weights are copied.
  /// - Parameter folder: where the file lies, for weights in other files; nil: there are none.
  /// - Throws: `CheckpointError`
  init(
    _ bytes: UnsafeRawBufferPointer, file: String, folder: String? = nil, owner: LastingBytes? = nil
  ) throws {
    try self.init(ONNXFile(bytes, file: file, owner: owner, folder: folder))
  }

  /// Reads a file, which stays mapped, and what lies beside it.
  /// - Throws: `CheckpointError`
  package init(contentsOf path: String) throws {
    let owner = try CheckpointFile.map(path)
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    try self.init(owner.bytes, file: path, folder: folder, owner: owner)
  }

  /// Reads a file in memory, whose weights are copied.
  /// - Throws: `CheckpointError`
  package init(bytes: [UInt8], name: String) throws {
    self = try bytes.withUnsafeBytes { try ONNXModel($0, file: name) }
  }

  init(_ file: ONNXFile) throws {
    let model = file.model
    let opset = model.opsets[""] ?? 0
    guard opset >= 11 else {
      throw file.refuse("it is of opset \(opset), and 11 is the oldest that is known; export it again")
    }
    let input = try ONNXModel.input(file)
    guard let output = model.graph.outputs.first, !output.name.isEmpty else {
      throw file.refuse("the graph has no output")
    }
    var notes: [String] = []
    if model.graph.outputs.count > 1 {
      notes.append("of \(model.graph.outputs.count) outputs the first is taken, \(output.name.quoted)")
    }
    let imported = try ONNXModel.imported(file, input: input, output: output.name)
    var importer = imported.importer
    let logits = try ONNXModel.logits(&importer, imported.result, file)
    var graph = importer.graph.pruned(to: logits.node, origins: importer.origins)
    notes += importer.notes

    var normalization: Normalization? = graph.takeNormalization() ? .graph : nil
    if let (mean, deviation) = try ONNXModel.normalization(file) {
      if normalization == nil {
        (graph.graph.mean, graph.graph.deviation, normalization) = (mean, deviation, .metadata)
      } else {
        notes.append("mean and std of the metadata are left out: the graph has its own")
      }
    }
    guard let last = graph.graph.lastConvolution else { throw file.refuse("the network has no linear layer") }
    guard let weights = importer.weights[graph.sources[last]] else {
      throw file.refuse("the network has no linear layer")
    }
    let reads = graph.graph.nodes[last].inputs[0]
    head = weights
    representationChannels = importer.shapes[graph.sources[reads]].channels
    graph.graph.layers = graph.layers(representation: reads)
    let size = ImageSize(height: importer.height, width: importer.width)
    if importer.isFixed { graph.graph.fixedSize = (size.height, size.width) }
    self.graph = graph.graph
    facts = Facts(
      producer: [model.producer, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " "),
      opset: opset, input: input.name,
      statedSize: input.isFree && !importer.isFixed && size == input.sizes[0] ? nil : size,
      notes: notes, classCount: logits.shape.channels,
      parameterCount: file.tensors.values.reduce(0) { $0 &+ ($1.type.isReal ? $1.count : 0) },
      normalization: normalization, metadata: file.metadata)
  }

  // MARK: Input and output

  private struct Input {
    var name: String
    var images: Int
    var sizes: [ImageSize]
    var isFree: Bool
    var channelsLast: Bool
  }

  private static func input(_ file: ONNXFile) throws -> Input {
    let inputs = file.model.graph.inputs.filter { file.tensors[$0.name] == nil }
    guard let input = inputs.first, inputs.count == 1 else {
      throw file.refuse("the graph has \(inputs.count) inputs; a network of images has one")
    }
    guard let dims = input.dims, dims.count == 4 else {
      throw file.refuse("the input \(input.name.quoted) is not [images, 3, height, width]")
    }
    let channelsLast = dims[1] != .fixed(3) && dims[3] == .fixed(3)
    guard channelsLast || dims[1] == .fixed(3) || dims[1].isFree else {
      throw file.refuse("the input \(input.name.quoted) has not three channels")
    }
    let (height, width) = channelsLast ? (dims[1], dims[2]) : (dims[2], dims[3])
    func extents(_ dimension: ONNX.ValueInfo.Dimension) -> [Int]? {
      if case .fixed(let extent) = dimension, extent > 0 { [extent] } else { nil }
    }
    let images = extents(dims[0])?[0] ?? 1
    let (rows, columns) = (extents(height), extents(width))
    guard images <= 1 << 12, (rows ?? columns ?? [1])[0] <= 1 << 14, (columns ?? [1])[0] <= 1 << 14 else {
      throw file.refuse("the input \(input.name.quoted) is too large")
    }
    let stated = file.metadata["size"].flatMap { Int($0) }.flatMap { (1...1 << 14).contains($0) ? $0 : nil }
    let sides = stated.map { [$0] } ?? ONNXModel.sides
    let sizes = sides.map {
      ImageSize(height: (rows ?? columns ?? [$0])[0], width: (columns ?? rows ?? [$0])[0])
    }
    let isFree = rows == nil && columns == nil
    return Input(
      name: input.name, images: images, sizes: isFree ? sizes : [sizes[0]], isFree: isFree && stated == nil,
      channelsLast: channelsLast)
  }

  /// The graph for the first size that fits. That of the first refusal is told if none does.
  private static func imported(
    _ file: ONNXFile, input: Input, output: String
  ) throws -> (importer: ONNXImporter, result: ImportedValue) {
    let budget = FoldingBudget(1 << 20)
    var refusal: (any Error)?
    for size in input.sizes {
      budget.add(min(file.size, 1 << 40) * 16)
      var importer = ONNXImporter(
        file, height: size.height, width: size.width, images: input.images, budget: budget)
      do {
        let result = try importer.run(input: input.name, channelsLast: input.channelsLast, output: output)
        return (importer, result)
      } catch {
        refusal = refusal ?? error
      }
    }
    throw refusal!
  }

  /// The map of the classes: one channel each, one position.
  private static func logits(
    _ importer: inout ONNXImporter, _ value: ImportedValue, _ file: ONNXFile
  ) throws -> MapView {
    do {
      let view = try importer.map(value)
      let channels = view.dims.indices.filter { !view.has(.image, in: $0) }
      guard view.extents.indices.filter({ channels.contains($0) && view.extents[$0] > 1 }).count <= 1 else {
        throw ImportProblem("a map of \(view.extents)")
      }
      let map = try importer.arranged(view, channels: channels, positions: [])
      guard view.rank >= 2, map.positions == 1, map.node > 0 else {
        throw ImportProblem("a map of \(view.extents)")
      }
      return map
    } catch let problem as ImportProblem {
      throw file.refuse("the output is not one number for each class: \(problem.text)")
    }
  }

  /// Mean and deviation of the metadata: JSON lists of three numbers.
  private static func normalization(_ file: ONNXFile) throws -> (mean: [Float], deviation: [Float])? {
    func three(_ key: String) throws -> [Float]? {
      guard let text = file.metadata[key] else { return nil }
      let numbers = (try? JSONValue(text))?.array?.compactMap { value -> Float? in
        if case .number(let number) = value { Float(number) } else { nil }
      }
      guard let numbers, numbers.count == 3, numbers.allSatisfy(\.isFinite) else {
        throw file.refuse("the metadata's \(key) is \(text.quoted), not a list of three numbers")
      }
      return numbers
    }
    guard let mean = try three("mean"), let deviation = try three("std") else { return nil }
    guard deviation.allSatisfy({ $0 > 1e-6 }) else { throw file.refuse("the metadata's std is not positive") }
    return (mean, deviation)
  }
}

extension ONNX.ValueInfo.Dimension {
  fileprivate var isFree: Bool { if case .free = self { true } else { false } }
}
