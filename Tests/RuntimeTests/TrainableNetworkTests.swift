import RobustRuntime
import Testing

/// Networks made for training, what is kept of them, and that no number of threads is seen in them.
@Suite struct TrainableNetworkTests {
  private static func model(_ description: NetworkDescription, classes: Int, seed: UInt64 = 1) throws
    -> TrainableModel
  {
    let tensors = description.tensors(
      classes: classes, mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.25], seed: seed)
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: ["stem_stride": "\(description.stemStride)"])
    return try bytes.withUnsafeBytes {
      try TrainableModel($0, name: "new", classes: (0..<classes).map { "c\($0)" })
    }
  }

  private static func description(
    widths: [Int], blocks: [Int], bottleneck: Bool = false, stem: Int = 3, stride: Int = 1
  ) -> NetworkDescription {
    var description = NetworkDescription()
    (description.widths, description.blocks) = (widths, blocks)
    (description.isBottleneck, description.stem, description.stemStride) = (bottleneck, stem, stride)
    return description
  }

  // MARK: Descriptions

  @Test(arguments: [
    (
      description(widths: [8, 12], blocks: [1, 2]), "basic blocks 1-2, widths 8-12",
      "3x3 stem of stride 1, no max-pool"
    ),
    (
      description(widths: [8], blocks: [1], stride: 2), "basic blocks 1, widths 8",
      "3x3 stem of stride 2, no max-pool"
    ),
    (
      description(widths: [8, 16], blocks: [2, 1], bottleneck: true), "bottleneck blocks 2-1",
      "3x3 stem of stride 1, no max-pool"
    ),
    (
      description(widths: [16, 32, 64, 128], blocks: [1, 1, 1, 1], stem: 7, stride: 2),
      "basic blocks 1-1-1-1",
      "7x7 stem of stride 2, max-pool"
    ),
    (
      description(widths: [16, 32], blocks: [1, 1], bottleneck: true, stem: 7, stride: 2),
      "bottleneck blocks 1-1",
      "7x7 stem of stride 2, max-pool"
    ),
  ])
  func descriptionsAreNetworks(description: NetworkDescription, architecture: String, stem: String) throws {
    let model = try Self.model(description, classes: 5)
    #expect(model.facts.architecture.contains(architecture), "\(model.facts.architecture)")
    #expect(model.stem == stem)
    #expect(model.facts.classes == ["c0", "c1", "c2", "c3", "c4"])
    #expect(model.mean == [0.5, 0.4, 0.3] && model.deviation == [0.2, 0.3, 0.25])
    // The file that a run leaves behind is a classifier.
    let classifier = try model.classifier(.values)
    let logits = try classifier.logits(image("x", 2, 64, 64))
    #expect(logits.count == 10 && logits.allSatisfy(\.isFinite))
    // One step of training can be taken.
    let trainer = try Trainer(model, settings: Trainer.Settings(), images: 2, side: 32)
    let before = model.parameters.values(0)
    let outcome = try trainer.step(
      uniform("y", 2 * 3 * 1024), labels: [1, 4], rate: 0.1, step: 0, random: (1, 0))
    #expect(outcome.loss.isFinite && model.parameters.values(0) != before)
  }

  @Test func firstWeightsHaveTheirDeviations() throws {
    let tensors = Self.description(widths: [64, 128], blocks: [1, 1]).tensors(
      classes: 10, mean: [0, 0, 0], deviation: [1, 1, 1], seed: 4)
    func values(_ name: String) throws -> [Float] { try #require(tensors.first { $0.name == name }).values }
    let variances: [(String, Double)] = [
      ("layer1.0.conv2.weight", 2 / Double(64 * 9)), ("layer2.0.conv1.weight", 2 / Double(128 * 9)),
      ("layer2.0.downsample.0.weight", 2 / Double(128)),
    ]
    for (name, variance) in variances {
      let weights = try values(name).map(Double.init)
      let mean = weights.reduce(0, +) / Double(weights.count)
      let square = weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)
      #expect(abs(square / variance - 1) < 0.05, "\(name)")
      #expect(abs(mean) < 0.05 * variance.squareRoot(), "\(name)")
    }
    #expect(try values("layer1.0.conv1.weight") != values("layer1.0.conv2.weight"))
    #expect(
      try values("bn1.weight").allSatisfy { $0 == 1 } && values("bn1.running_mean").allSatisfy { $0 == 0 })
    let head = try values("fc.weight")
    #expect(head.allSatisfy { abs($0) <= 1 / Float(128).squareRoot() } && head.max()! > 0.08)
    #expect(try values("fc.bias").allSatisfy { $0 == 0 })
    // Another seed, other weights.
    let other = Self.description(widths: [64, 128], blocks: [1, 1]).tensors(
      classes: 10, mean: [0, 0, 0], deviation: [1, 1, 1], seed: 5)
    #expect(try values("conv1.weight") != other.first { $0.name == "conv1.weight" }!.values)
  }

  @Test func otherClassesKeepTheRowsThatAreKnown() throws {
    let tensors = Self.description(widths: [8], blocks: [1]).tensors(
      classes: 3, mean: [0, 0, 0], deviation: [1, 1, 1], seed: 4)
    let bytes = try SafeTensorsWriter.bytes(
      tensors, metadata: ["stem_stride": "1", "classes": #"["ant","bee","cat"]"#])
    let model = try bytes.withUnsafeBytes {
      try TrainableModel($0, name: "old", classes: ["cat", "dog", "ant", "eel"])
    }
    let old = try #require(tensors.first { $0.name == "fc.weight" }).values
    let index = try #require(model.parameters.index("fc.weight"))
    #expect(model.parameters.entries[index].shape == [4, 8])
    let new = model.parameters.values(index)
    #expect(Array(new[0..<8]) == Array(old[16..<24]) && Array(new[16..<24]) == Array(old[0..<8]))
    #expect(Array(new[8..<16]) != Array(old[8..<16]) && Array(new[8..<16]) != Array(new[24..<32]))
    #expect(model.facts.classes == ["cat", "dog", "ant", "eel"])
    // What was not the head is as it was.
    let stem = try #require(model.parameters.index("conv1.weight"))
    #expect(model.parameters.values(stem) == tensors.first { $0.name == "conv1.weight" }!.values)
  }

  @Test func frozenLayersStay() throws {
    let model = try Self.model(Self.description(widths: [8, 8], blocks: [1, 1]), classes: 3)
    #expect(model.parameters.freeze("layer") == 0 && model.parameters.freeze("layer1.0") > 0)
    #expect(model.parameters.freeze("conv1") == 1)
    let before = model.parameters.entries.indices.map { model.parameters.values($0) }
    let trainer = try Trainer(model, settings: Trainer.Settings(), images: 3, side: 16)
    _ = try trainer.step(
      uniform("y", 3 * 3 * 256), labels: [0, 1, 2], rate: 0.1, step: 0, random: (1, 0))
    for (index, entry) in model.parameters.entries.enumerated() {
      let isFrozen = entry.name.hasPrefix("layer1.0.") || entry.name == "conv1.weight"
      #expect((model.parameters.values(index) == before[index]) == isFrozen, "\(entry.name)")
    }
  }

  // MARK: State

  private static func trained(steps: Int) throws -> TrainableModel {
    let model = try model(description(widths: [8, 12], blocks: [1, 1]), classes: 3)
    let trainer = try Trainer(model, settings: Trainer.Settings(), images: 3, side: 16)
    for step in 0..<steps {
      _ = try trainer.step(
        uniform("y \(step)", 3 * 3 * 256), labels: [0, 1, 2], rate: 0.1, step: step,
        random: (1, UInt64(step) << 8))
      if step == 0 { model.parameters.copy(.averages, to: .best) }
    }
    return model
  }

  @Test func aStateHoldsAll() throws {
    let model = try Self.trained(steps: 3)
    let texts = ["position": #"{"step":3,"name":"“é\n"}"#]
    let bytes = try TrainingState.bytes(model, texts: texts)
    let found = try bytes.withUnsafeBytes { try TrainingState.texts($0, file: "s") }
    #expect(found["position"] == texts["position"])
    let again = try bytes.withUnsafeBytes { try TrainingState.model($0, file: "s") }
    #expect(again.parameters.entries.map(\.name) == model.parameters.entries.map(\.name))
    #expect(
      again.facts.classes == model.facts.classes && again.facts.architecture == model.facts.architecture)
    #expect(again.mean == model.mean && again.deviation == model.deviation && again.stem == model.stem)
    for kind in [Parameters.Kind.values, .velocities, .averages, .best] {
      for index in model.parameters.entries.indices {
        #expect(again.parameters.values(index, kind) == model.parameters.values(index, kind))
      }
    }
    #expect(model.parameters.values(0, .best) != model.parameters.values(0, .averages))
    // Written again it is the same.
    #expect(try TrainingState.bytes(again, texts: texts) == bytes)
    // And so are the files of both models.
    #expect(again.architectureMetadata == model.architectureMetadata)
  }

  @Test func stepsGoOnFromAStateAsIfNothingHadBeen() throws {
    func step(_ trainer: Trainer, _ number: Int) throws {
      _ = try trainer.step(
        uniform("z \(number)", 3 * 3 * 256), labels: [2, 1, 0], rate: 0.05, step: 3 + number,
        random: (1, UInt64(number) << 9))
    }
    let model = try Self.trained(steps: 3)
    let bytes = try TrainingState.bytes(model, texts: [:])
    let again = try bytes.withUnsafeBytes { try TrainingState.model($0, file: "s") }
    for model in [model, again] {
      let trainer = try Trainer(model, settings: Trainer.Settings(), images: 3, side: 16)
      for number in 0..<3 { try step(trainer, number) }
    }
    #expect(try TrainingState.bytes(model, texts: [:]) == TrainingState.bytes(again, texts: [:]))
  }

  @Test func whatIsNoStateIsRefused() throws {
    let model = try Self.trained(steps: 1)
    let good = try TrainingState.bytes(model, texts: ["position": "{}"])
    func refuses(_ bytes: [UInt8], _ words: String, line: SourceLocation = #_sourceLocation) {
      let found = #expect(throws: CheckpointError.self, sourceLocation: line) {
        try bytes.withUnsafeBytes { _ = try TrainingState.model($0, file: "some.state") }
      }
      #expect(found?.description.hasPrefix("some.state: ") ?? false, sourceLocation: line)
      #expect(
        found?.description.contains(words) ?? false, "\(found?.description ?? "")", sourceLocation: line)
    }
    refuses([], "not safetensors")
    refuses(Array(good.prefix(good.count / 2)), "cut short")
    refuses(Array(good.dropLast(1)), "cut short")
    refuses(HashedResNet(blocks: [1], widths: [8]).bytes, "not the state of a training run")
    // Tensors of another network among them, or none.
    func changed(_ change: (inout [NamedTensor]) -> Void) throws -> [UInt8] {
      try good.withUnsafeBytes { raw in
        let file = try SafeTensors(raw, file: "x")
        var tensors = try file.tensors.map {
          NamedTensor(name: $0.key, shape: $0.value.shape, values: try file.values($0.key))
        }
        change(&tensors)
        return try SafeTensorsWriter.bytes(tensors, metadata: file.metadata)
      }
    }
    refuses(
      try changed { $0.removeAll { $0.name == "velocities.conv1.weight" } }, "'velocities.conv1.weight'")
    refuses(try changed { $0.removeAll { $0.name == "values.fc.weight" } }, "'fc.weight'")
    refuses(try changed { $0.removeAll { $0.name.hasPrefix("values.") } }, "'conv1.weight'")
    refuses(
      try changed { tensors in
        let k = tensors.firstIndex { $0.name == "best.bn1.weight" }!
        tensors[k] = NamedTensor(name: "best.bn1.weight", shape: [3], values: [1, 1, 1])
      }, "[3]")
    model.parameters.pointer(0)[0] = .nan
    #expect(throws: RuntimeError.self) { try TrainingState.bytes(model, texts: [:]) }
  }

  // MARK: Lowering for inference

  @Test func aTrainedNetworkIsTheSameWithItsNormsFolded() throws {
    let model = try Self.trained(steps: 4)
    let x = image("x", 3, 16, 16)
    model.mode.statistics = .running
    let plan = try Plan(model.network, images: 3, height: 16, width: 16, gradient: true, training: true)
    plan.forward(x.pixels, through: plan.logits)
    let wanted = plan.features(plan.logits).values
    // Its weights are written as halves.
    #expect(relativeError(try model.classifier(.values).logits(x), wanted) < 2e-3)
    model.mode.statistics = .batch
    plan.forward(x.pixels, through: plan.logits)
    #expect(relativeError(plan.features(plan.logits).values, wanted) > 1e-2)
  }
}

/// That nothing of a training depends on how many threads there are. Beside the others that change their number.
extension ThreadTests {
  @Test(arguments: [(1, NormMode.Statistics.batch, false), (2, .running, false), (1, .running, true)])
  func trainingStepsAreTheSameAtAnyNumberOfThreads(
    attackSteps: Int, statistics: NormMode.Statistics, isTrades: Bool
  ) throws {
    let bytes = HashedResNet(blocks: [1, 1], widths: [24, 40], stem: 3, classes: 5).bytes
    var states: [[UInt8]] = []
    for threads in [1, 2, 3, 5, 1] {
      configure(threads: threads)
      let model = try bytes.withUnsafeBytes { try TrainableModel($0, name: "hashed") }
      var settings = Trainer.Settings()
      (settings.attack.steps, settings.attack.statistics) = (attackSteps, statistics)
      settings.attack.eps = 0.5
      if isTrades { settings.method = .trades(beta: 6) }
      let trainer = try Trainer(model, settings: settings, images: 7, side: 20)
      for step in 0..<3 {
        _ = try trainer.step(
          uniform("images \(step)", 7 * 3 * 400), labels: [0, 1, 2, 3, 4, 0, 1], rate: 0.05, step: step,
          random: (1, UInt64(step) << 8))
      }
      states.append(try TrainingState.bytes(model, texts: [:]))
    }
    configure(threads: 2)
    for state in states { #expect(state == states[0]) }
  }
}
