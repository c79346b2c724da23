import Imaging
import RobustRuntime

/// What a run leaves behind: the model's file, its card, and the plot of its log.
struct TrainedModel {
  let options: TrainingOptions
  let position: TrainingPosition
  let schedule: Schedule
  let model: TrainableModel
  let training, selection, report: PhotoPart
  /// On the report part; nil: it has no photos.
  let outcomes: [RobustEvaluation.Outcome]?
  /// What they were attacked with; nil: nothing.
  let attack: AttackSettings?

  private var isRobust: Bool { attack != nil }
  private var figures: RobustEvaluation.Counts? {
    outcomes.map { RobustEvaluation.Counts($0, attacks: isRobust ? 1 : 0) }
  }

  func write(log: TrainingLog) throws {
    var tensors = model.tensors(.best)
    if options.seedRank > 0 { tensors += try seeds() }
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    try Output.file(options.output!).write(bytes)
    let name = options.besideModel("").split(separator: "/").last.map { String($0.dropLast()) } ?? ""
    var plotted: String?
    if let plot = TrainingPlot(try TrainingLog.rows(of: log.path), title: name, subtitle: model.facts.architecture) {
      let path = options.besideModel("png")
      try ResultImage.fresh(plot.drawn()).write(to: .file(path))
      plotted = path.split(separator: "/").last.map(String.init)
    }
    try Output.file(options.besideModel("md")).write(Array(card(name, plot: plotted).markdown.utf8))
  }

  private func card(_ name: String, plot: String?) -> ModelCard {
    let (trainer, facts) = (options.trainer, model.facts)
    let passes = Double(position.photosSeen) / Double(training.indices.count)
    var beta: Double?
    if case .trades(let weight) = trainer.method { beta = weight }
    let settings = ModelCard.Training(
      start: position.initialModel, constraint: isRobust ? trainer.attack.norm.rawValue : nil, eps: position.eps,
      attackSteps: position.attackSteps, method: beta == nil ? "at" : "trades", beta: beta,
      sizes: schedule.phases.map { ($0.side, $0.share * passes) }, batch: position.batch, learningRate: schedule.peak,
      momentum: trainer.momentum, weightDecay: trainer.weightDecay, labelSmoothing: trainer.labelSmoothing,
      averageDecay: trainer.averageDecay, precision: options.precision.rawValue, randomSeed: options.seed,
      steps: position.step, seconds: position.seconds, trainingPhotos: training.indices.count,
      selectionPhotos: selection.indices.count, reportPhotos: report.indices.count,
      split: options.test.isEmpty
        ? "the parts are told apart by a hash of CLASS/NAME, \(percent(options.heldOut)) being held out"
        : "what chose and what was reported on were given apart",
      version: Installation.version)
    var card = ModelCard(
      name: name, file: options.output!.split(separator: "/").last.map(String.init) ?? "",
      architecture: facts.architecture, stem: model.stem, parameters: model.parameterCount,
      products: model.products(side: options.side), side: options.side, classes: position.classes, sources: sources,
      training: settings)
    card.plot = plot
    if options.seedRank > 0 {
      card.seeds = .init(side: max(options.side / 4, 1), rank: options.seedRank, components: options.seedMixtures)
    }
    if let figures, let outcomes {
      card.figures = .init(
        photos: figures.images, cleanAccuracy: figures.cleanAccuracy,
        attack: attack.map {
          .init(
            constraint: $0.norm.rawValue, eps: $0.radius, steps: $0.steps, restarts: $0.restarts,
            accuracy: figures.robustAccuracy())
        },
        classes: position.classes.indices.map { label in
          let own = RobustEvaluation.Counts(outcomes.filter { $0.label == label }, attacks: isRobust ? 1 : 0)
          return .init(
            photos: own.images, cleanAccuracy: own.cleanAccuracy, robustAccuracy: isRobust ? own.robustAccuracy() : nil)
        })
    }
    return card
  }

  /// The files and folders that were named, and the photos of each name's set together.
  private var sources: [ModelCard.Source] {
    let names = (options.data + options.test).map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    let photos = training.photos.count + (report.photos === training.photos ? 0 : report.photos.count)
    return [.init(name: names.joined(separator: ", "), photos: photos)]
  }

  var metadata: [String: String] {
    let trainer = options.trainer
    var facts = model.architectureMetadata
    facts["size"] = "\(options.side)"
    facts["constraint"] = isRobust ? trainer.attack.norm.rawValue : "none"
    facts["eps"] = isRobust ? rounded(position.eps, 4) : "0"
    facts["attack_steps"] = "\(position.attackSteps)"
    facts["epochs"] = rounded(Double(position.photosSeen) / Double(training.indices.count), 1)
    facts["trained_by"] =
      "rtool \(Installation.version)" + (position.initialModel.map { ", from weights of \($0)" } ?? "")
    if let figures {
      facts["clean_accuracy"] = rounded(figures.cleanAccuracy, 4)
      facts["evaluated_images"] = "\(figures.images)"
      if let attack {
        facts["robust_accuracy"] = rounded(figures.robustAccuracy(), 4)
        facts["evaluated_eps"] = rounded(attack.radius, 4)
        facts["evaluated_attack"] = "PGD, \(attack.steps) steps, \(attack.restarts) restarts"
      }
    }
    return facts
  }

  /// Photos of a class that its seeds are made of, at most.
  private static let mostPhotos = 1500

  /// Seed distributions at a quarter of the side.
  private func seeds() throws -> [NamedTensor] {
    let side = max(options.side / 4, 1)
    let estimation = SeedEstimation(
      side: side, rank: options.seedRank, mostComponents: options.seedMixtures, seed: options.seed)
    let stride = 3 * side * side
    let mixtures = try position.classes.indices.map { label in
      let places = training.indices.indices.filter { training.labels[$0] == label }.prefix(Self.mostPhotos)
      var pixels = [Float](repeating: 0, count: places.count * stride)
      pixels.withUnsafeMutableBufferPointer { buffer in
        for (k, place) in places.enumerated() {
          training.photos.withPhoto(training.indices[place]) {
            Augmentation.plain($0, size: side, out: buffer.baseAddress! + k * stride)
          }
        }
      }
      return try pixels.withUnsafeBufferPointer { try estimation.mixture(ofClass: label, photos: $0) }
    }
    return estimation.tensors(mixtures)
  }

  /// For people, when all is done.
  var summary: String {
    var text = "\(options.output!): "
    guard let figures else { return text + "no photos were held out, so it was not measured" }
    text += "\(percent(figures.cleanAccuracy)) of \(figures.images) held-out photos"
    if let attack {
      text +=
        ", \(percent(figures.robustAccuracy())) under PGD of \(attack.steps) steps with \(attack.restarts) restarts at "
        + "eps \(numberText(attack.radius))"
    }
    return text
  }
}
