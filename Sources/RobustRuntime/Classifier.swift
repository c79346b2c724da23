import PixelGrid

/// A classifier read from a checkpoint: its facts, and all that is computed with it. May be used on several
/// threads at once. The same input gives the same bytes, whatever the number of threads.
public final class Classifier: Sendable {
  public let facts: ModelFacts
  let plans: PlanPool
  private let seeds: SeedDistribution?
  /// The last linear layer, [class][channel].
  private let head: StoredTensor

  /// Reads a file of any format that is known, which stays mapped: weights are read again when they are needed in another
  /// arrangement.
  /// - Throws: `CheckpointError`
  public convenience init(contentsOf path: String) throws {
    try self.init(contentsOf: path, said: ModelInfo())
  }

  /// - Parameter said: what the user says of the model.
  package convenience init(contentsOf path: String, said: ModelInfo) throws {
    try self.init(Checkpoint(contentsOf: path, said: said))
  }

  /// Reads a file from memory.
  /// - Parameter name: of the model, for facts and errors.
  /// - Parameter lasting: whether the bytes are there for good; else they are not needed afterwards.
  /// - Throws: `CheckpointError`
  public convenience init(bytes: UnsafeRawBufferPointer, name: String, lasting: Bool = false) throws {
    try self.init(
      Checkpoint(bytes, file: name, name: name, owner: lasting ? LastingBytes(bytes) : nil))
  }

  private init(_ checkpoint: Checkpoint) throws {
    facts = checkpoint.facts
    plans = PlanPool(Network(try checkpoint.graph()))
    (seeds, head) = (try checkpoint.seeds(), try checkpoint.head())
  }

  /// The facts of a file, from its header alone.
  /// - Throws: `CheckpointError`
  public static func facts(ofFile path: String) throws -> ModelFacts { try description(ofFile: path).facts }

  /// The facts of a file, and how they were found, without its weights.
  /// - Throws: `CheckpointError`
  package static func description(
    ofFile path: String, said: ModelInfo = ModelInfo()
  ) throws -> (facts: ModelFacts, origin: ModelOrigin) {
    let checkpoint = try Checkpoint(contentsOf: path, said: said)
    return (checkpoint.facts, checkpoint.origin)
  }

  /// The facts of a file in memory, and how they were found.
  /// - Throws: `CheckpointError`
  package static func description(
    of bytes: UnsafeRawBufferPointer, name: String
  ) throws -> (facts: ModelFacts, origin: ModelOrigin) {
    let checkpoint = try Checkpoint(bytes, file: name, name: name)
    return (checkpoint.facts, checkpoint.origin)
  }

  /// The tensors and metadata of a file of our own with the network of another file.
  /// - Parameter halves: whether weights are kept as halves; else they are where the file has halves.
  /// - Throws: `CheckpointError`
  package static func contents(
    ofFile path: String, said: ModelInfo = ModelInfo(), halves: Bool = false
  ) throws -> (tensors: [NamedTensor], metadata: [String: String]) {
    try Checkpoint(contentsOf: path, said: said).contents(halves: halves)
  }

  /// The layer whose activation --pass-relu changes is found in any network but those that have none there.
  public var hasLastActivation: Bool { plans.network.lastActivation != nil }

  /// - Returns: [count][classes].
  /// - Throws: `RuntimeError`
  public func logits(_ images: ImageBatch) throws -> [Float] {
    if images.count == 0 { return [] }
    return try forward(images, through: plans.network.stepCount).values
  }

  /// - Parameter layer: a name from `facts.layers`; nil: the representation.
  /// - Throws: `RuntimeError`
  public func features(_ images: ImageBatch, layer: String? = nil) throws -> FeatureMap {
    let name = layer ?? "representation"
    guard facts.layers.contains(where: { $0.name == name }) else {
      throw RuntimeError.invalid("the model has no layer \(name.quoted)")
    }
    return try forward(images, through: plans.network.value(ofLayer: name)!)
  }

  private func forward(_ images: ImageBatch, through value: Int) throws -> FeatureMap {
    try plans.features(of: facts.seen(images), value: value).finite(of: facts)
  }

  /// The loss of each image, and its gradient in the pixels if asked for.
  /// - Parameter passReLU: the last ReLU before pooling passes its gradient unchanged.
  /// - Throws: `RuntimeError`, or what a custom term threw.
  public func evaluate(
    _ objective: Objective, at images: ImageBatch, gradient: Bool = true, passReLU: Bool = false
  ) throws -> (losses: [Double], gradient: ImageBatch?) {
    try withEvaluator(objective, images, boundary: .mirrored, gradient: gradient, seesOther: false) {
      evaluator in
      guard gradient else {
        try evaluator.evaluate(images.pixels, step: 0, passReLU: false, gradient: nil)
        return (evaluator.losses, nil)
      }
      var result = ImageBatch(count: images.count, height: images.height, width: images.width)
      try evaluator.evaluate(images.pixels, step: 0, passReLU: passReLU, gradient: &result.pixels)
      return (evaluator.losses, result)
    }
  }

  /// Follows the gradient of the objective downwards from the start.
  /// - Parameters:
  ///   - progress: is told of each step, on this thread; false stops. Stopping is no error.
  ///   - isFinishing: is asked before each step; true ends the ascent there, as if it had no more steps, and stays true.
  /// - Throws: `RuntimeError`, or what a custom term threw.
  public func ascend(
    from start: ImageBatch, objective: Objective, settings: AscentSettings,
    progress: (AscentProgress) -> Bool = { _ in true }, isFinishing: () -> Bool = { false }
  ) throws -> AscentOutcome {
    try settings.check(start)
    return try withEvaluator(
      objective, start, boundary: settings.boundary, gradient: true, seesOther: settings.seesOther
    ) { evaluator in
      try AscentLoop(evaluator: evaluator, settings: settings, start: start).run(
        progress: progress, isFinishing: isFinishing)
    }
  }

  /// Bytes that an ascent with so many images of a size takes at least: the arena of its plan, and five copies of the
  /// images (the start, the iterate, its gradient, that of the filters, what the network sees).
  /// - Throws: `RuntimeError.invalid` if images of that size do not fit the network.
  public func ascentBytes(images: Int, height: Int, width: Int) throws -> Int {
    let seen = facts.seenSize(height: height, width: width)
    let atOnce = try plans.network.imagesAtOnce(of: images, height: seen.height, width: seen.width)
    let arena = try Plan.Layout(
      plans.network, images: atOnce, height: seen.height, width: seen.width, gradient: true, training: false)
    return MemoryLayout<Float>.stride * (arena.total + 5 * 3 * images * height * width)
  }

  /// Times each step of the network for a batch of images of one size.
  /// - Throws: `RuntimeError`
  package func stepTimes(images: Int, height: Int, width: Int, passes: Int) throws -> [StepTime] {
    try plans.withPlan(
      batch: images, height: height, width: width, gradient: true, through: plans.network.stepCount
    ) { plan in
      plan.stepTimes(passes: passes).map { $0.repeated(images / plan.images) }
    }
  }

  private func withEvaluator<Result>(
    _ objective: Objective, _ images: ImageBatch, boundary: Boundary, gradient: Bool, seesOther: Bool,
    _ body: (Evaluator) throws -> Result
  ) throws -> Result {
    try ModelFacts.check(images)
    let seen = facts.seenSize(height: images.height, width: images.width)
    return try plans.withPlan(
      batch: images.count, height: seen.height, width: seen.width, gradient: gradient,
      through: objective.deepestValue(of: plans.network)
    ) { plan in
      try body(
        try Evaluator(
          objective, batch: images.count, height: images.height, width: images.width, plan: plan,
          plans: plans, facts: facts, boundary: boundary, gradient: gradient, seesOther: seesOther))
    }
  }

  /// What each channel of the representation adds to the logit of a class: its row of the last linear layer. Nil: there
  /// is no such class.
  public func classWeights(_ index: Int) -> [Float]? {
    guard facts.classes.indices.contains(index), let channels = facts.layers.last?.channels else {
      return nil
    }
    return head.values(index * channels..<(index + 1) * channels)
  }

  /// A sample of the seed distribution of a class, mean + Σ z factor with z normal, clamped to 0...1, at its
  /// own resolution: planar, [3][side][side]. Nil: the model has none, or no such class.
  public func seed(ofClass index: Int, seed: UInt64, stream: UInt64) -> (side: Int, pixels: [Float])? {
    guard let seeds, (0..<seeds.classCount).contains(index) else { return nil }
    return (seeds.side, seeds.sample(index, Philox(seed: seed, stream: stream)))
  }
}
