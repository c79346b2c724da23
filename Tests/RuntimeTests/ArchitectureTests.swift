import Glibc
import RobustRuntime
import Testing

/// Networks of the real libraries, with hashed weights, against what PyTorch computed in double precision.
struct GoldenNetworks {
  /// What Golden/make_architectures.py wrote of a network.
  struct Network {
    let name: String
    let side: Int
    let metadata: [String: String]
    let tensors: [(name: String, shape: [Int])]

    /// A checkpoint of it.
    var bytes: [UInt8] {
      let named = tensors.map { tensor in
        NamedTensor(
          name: tensor.name, shape: tensor.shape, values: hashedWeight(tensor.name, tensor.shape))
      }
      return try! SafeTensorsWriter.bytes(named, metadata: metadata)
    }

    func classifier() throws -> Classifier {
      try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: name) }
    }
  }

  let golden: Golden
  let networks: [Network]

  init(_ file: String) throws {
    golden = try Golden(file)
    let path = packageFolder + "/Tests/RuntimeTests/Golden/\(file).safetensors"
    let facts = try CheckpointFile.withBytes(of: path) { try SafeTensors($0, file: path).metadata }
    networks = facts.sorted { $0.key < $1.key }.map { name, text in
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      var metadata: [String: String] = [:]
      for fact in lines[1].split(separator: " ") {
        let parts = fact.split(separator: "=").map(String.init)
        metadata[parts[0]] = parts[1]
      }
      return Network(
        name: name, side: Int(lines[0])!, metadata: metadata,
        tensors: lines.dropFirst(2).flatMap(GoldenNetworks.tensors))
    }
  }

  /// "conv1.weight 64,3,7,7", or "bn1.* 64" for the four vectors of a norm.
  private static func tensors(_ line: String) -> [(name: String, shape: [Int])] {
    let parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let shape = parts[1].split(separator: ",").map { Int($0)! }
    guard parts[0].hasSuffix(".*") else { return [(parts[0], shape)] }
    return ["weight", "bias", "running_mean", "running_var"].map { (parts[0].dropLast() + $0, shape) }
  }
}

/// The weight that Golden/make_architectures.py gives to a tensor.
func hashedWeight(_ name: String, _ shape: [Int]) -> [Float] {
  let u = uniform(name, shape.reduce(1, *)).map(Double.init)
  if shape.count == 2 || shape.count == 4 {
    let scale = (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
    return u.map { Float((2 * $0 - 1) * scale) }
  } else if shape.count == 3 || name.hasSuffix("gamma") || name.contains("layer_scale") {
    return u.map { Float($0 - 0.5) }
  } else if name.hasSuffix("running_var") || name.hasSuffix(".weight") {
    return u.map { Float(0.5 + 0.5 * $0) }
  }
  return u.map { Float(0.2 * ($0 - 0.5)) }
}

@Suite struct ArchitectureTests {
  private static let slim = try! GoldenNetworks("architectures")
  static let names = slim.networks.map(\.name)

  private static func network(_ name: String) -> GoldenNetworks.Network {
    slim.networks.first { $0.name == name }!
  }

  /// Of gradients: in these networks a value before a ReLU is so near to 0 (5e-7) that floats round it to either side.
  private static let gradientErrors = ["timm-bit": 2e-3]

  /// Holds a network against what PyTorch computed.
  /// - Parameter least: the error of the gradient that is allowed at least.
  private static func compare(
    _ network: GoldenNetworks.Network, _ golden: Golden, least: Double = 1e-4
  ) throws {
    let classifier = try network.classifier()
    let x = image("image", 1, network.side, network.side)
    let logits = relativeError(try classifier.logits(x), golden["\(network.name)/logits"])
    #expect(logits < 1e-4, "logits of \(network.name)")
    let (_, gradient) = try classifier.evaluate(
      Objective([Objective.Term(.crossEntropy([ClassWeight(1)]))]), at: x)
    let error = golden.error("\(network.name)/gradient", gradient!.pixels)
    let allowed = gradientErrors[network.name] ?? least
    let own = Double(golden["\(network.name)/error"][0])
    #expect(error < max(allowed, 2 * own), "gradient of \(network.name)")
  }

  @Test(arguments: names) func agreesWithPyTorch(_ name: String) throws {
    try Self.compare(Self.network(name), Self.slim.golden)
  }

  /// Networks of full size, where RTOOL_FULL_NETWORKS is set: all of them, or one whose name it is. Of their millions of
  /// values before a ReLU some are so near to 0 that Winograd's algorithm, which rounds at 1e-6, gives them the other sign,
  /// and the gradient's error goes with the root of their share; networks without ReLUs stay below 1e-4.
  @Test(.enabled(if: getenv("RTOOL_FULL_NETWORKS") != nil)) func fullNetworksAgreeWithPyTorch() throws {
    let chosen = String(cString: getenv("RTOOL_FULL_NETWORKS"))
    let full = try GoldenNetworks("networks")
    for network in full.networks where chosen == "1" || chosen == network.name {
      try Self.compare(network, full.golden, least: 1e-2)
    }
  }

  /// The engine, and the graph by plain loops, are the same.
  @Test(arguments: ["densenet", "timm-vit", "shufflenetv2"]) func agreesWithTheOracle(
    _ name: String
  ) throws {
    let bytes = Self.network(name).bytes
    let classifier = try Self.network(name).classifier()
    let graph = try bytes.withUnsafeBytes { bytes in
      let file = try SafeTensors(bytes, file: name)
      return try RecognizedNetwork(file).graph(file)
    }
    let x = image("image", 1, Self.network(name).side, Self.network(name).side)
    let oracle = GraphOracle(graph, OracleMap(x))
    #expect(relativeError(try classifier.logits(x), oracle.logits.values) < 1e-4)
    let (_, gradient) = try classifier.evaluate(
      Objective([Objective.Term(.crossEntropy([ClassWeight(1)]))]), at: x)
    #expect(relativeError(gradient!.pixels, oracle.gradient(ofCrossEntropyTo: 1).values) < 1e-4)
  }

  @Test(arguments: names) func layersHaveTheirSize(_ name: String) throws {
    let network = Self.network(name)
    let classifier = try network.classifier()
    let layers = classifier.facts.layers
    #expect(layers.last?.name == "representation" && layers.last?.reduction == 0)
    #expect(Set(layers.map(\.name)).count == layers.count)
    let x = image("image", 1, network.side, network.side)
    for layer in layers {
      let map = try classifier.features(x, layer: layer.name)
      #expect(map.channels == layer.channels, "\(layer.name) of \(name)")
      if layer.reduction == 0 { #expect(map.height == 1 && map.width == 1) }
    }
  }

  @Test func descriptions() throws {
    let expected = [
      "resnet-bottleneck": "ResNet, bottleneck blocks 2-1-1-1, widths 16-32-64-128",
      "cifar-wide": "WideResNet-16, blocks 2-2-2, widths 24-32-48, relu",
      "cifar-narrow same": "PreActResNet, blocks 2-2-2, widths 24-32-48, silu",
      "vgg-bn": "VGG-7 with batch normalisation", "densenet": "DenseNet-18, blocks 2-3-2",
      "timm-deit": "distilled ViT, 1 blocks of 128, 2 heads, patches of 8",
    ]
    for (name, description) in expected {
      #expect(try Self.network(name).classifier().facts.architecture == description)
    }
  }

  /// Each tensor matters: without it, or with another shape, the network is refused in words that name it or another one.
  @Test(arguments: names) func refusesWhatIsMissing(_ name: String) throws {
    let network = Self.network(name)
    let small = network.tensors.map { NamedTensor(name: $0.name, shape: [0] + $0.shape, values: []) }
    #expect(throws: CheckpointError.self) { try recognize(small, network.metadata) }
    let tensors = network.tensors.map {
      NamedTensor(name: $0.name, shape: $0.shape, values: hashedWeight($0.name, $0.shape))
    }
    // Evenly spread over the network.
    for k in stride(from: 0, to: tensors.count, by: max(tensors.count / 7, 1)) {
      var cut = tensors
      let gone = cut.remove(at: k).name
      do {
        _ = try recognize(cut, network.metadata)
        // A vector may be one that networks of the family have or have not; a stage may do nothing.
        let mayBeMissing = gone.hasSuffix("bias") || gone.hasSuffix("gamma") || gone.hasPrefix("sub_block1.")
        #expect(mayBeMissing, "\(gone)")
      } catch let error as CheckpointError {
        #expect(error.problem.contains("not a network that is known; "), "\(error)")
      }
    }
    let other = NamedTensor(name: "se.fc.weight", shape: [2], values: [1, 2])
    do {
      _ = try recognize(tensors + [other], network.metadata)
      Issue.record("it took a tensor that does nothing")
    } catch let error as CheckpointError {
      #expect(error.problem.contains("'se.fc.weight'"), "\(error)")
    }
  }

  private func recognize(_ tensors: [NamedTensor], _ metadata: [String: String]) throws -> RecognizedNetwork {
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    return try bytes.withUnsafeBytes { try RecognizedNetwork(SafeTensors($0, file: "it")) }
  }

  /// Deep stacks of stages, whose strides would overflow.
  @Test func refusesEndlessStages() throws {
    var tensors: [NamedTensor] = []
    func add(_ name: String, _ shape: [Int]) {
      tensors.append(
        NamedTensor(name: name, shape: shape, values: [Float](repeating: 1, count: shape.reduce(1, *))))
    }
    func norm(_ name: String) {
      for part in ["weight", "bias", "running_mean", "running_var"] { add("\(name).\(part)", [1]) }
    }
    add("conv1.weight", [1, 3, 3, 3])
    norm("bn1")
    for stage in 1...80 {
      for k in 1...2 {
        add("layer\(stage).0.conv\(k).weight", [1, 1, 3, 3])
        norm("layer\(stage).0.bn\(k)")
      }
      add("layer\(stage).0.downsample.0.weight", [1, 1, 1, 1])
      norm("layer\(stage).0.downsample.1")
    }
    add("fc.weight", [2, 1])
    add("fc.bias", [2])
    #expect(throws: CheckpointError.self) { try recognize(tensors, [:]) }
  }

  @Test func othersThanResNetsCannotBeTrained() throws {
    let bytes = Self.network("vgg").bytes
    do {
      try bytes.withUnsafeBytes { _ = try TrainableModel($0, name: "vgg") }
      Issue.record("it became trainable")
    } catch let error as CheckpointError {
      #expect(error.problem == "a VGG cannot be trained; a ResNet can")
    }
  }
}

extension OracleMap {
  init(_ images: ImageBatch) {
    self.init(images.count, 3, images.height, images.width, images.pixels.map(Double.init))
  }
}
