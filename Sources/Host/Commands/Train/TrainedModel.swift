import Imaging
import RobustRuntime

/// What a run leaves behind: the model's file, its card, and the plot of its log.
struct TrainedModel {
  let options: TrainingOptions
  let position: TrainingPosition
  let schedule: Schedule
  let model: TrainableModel
  let data: TrainingData
  /// On the report part; nil: it has no photos.
  let outcomes: [RobustEvaluation.Outcome]?
  /// What they were attacked with; nil: nothing.
  let attack: AttackSettings?

  private var isRobust: Bool { attack != nil }
  private var figures: RobustEvaluation.Counts? {
    outcomes.map { RobustEvaluation.Counts($0, attacks: isRobust ? 1 : 0) }
  }
  /// Passes over the photos.
  private var epochs: Double { Double(position.photosSeen) / Double(data.training.count) }

  /// - Throws: `Failure.interrupted`, `ImagingError`, `RuntimeError`
  func write(log: TrainingLog) throws {
    var tensors = model.tensors(.best)
    var seeds: ModelCard.Seeds?
    if options.seedRank > 0 {
      let (estimation, mixtures) = try estimatedSeeds()
      tensors += estimation.tensors(mixtures)
      seeds = .init(
        side: estimation.side, rank: estimation.rank,
        components: mixtures.map(\.components.count).max() ?? 1)
    }
    try Output.file(options.output!).write(SafeTensorsWriter.bytes(tensors, metadata: metadata))
    var card = card
    card.seeds = seeds
    let rows = try TrainingLog.rows(of: log.path)
    if let plot = TrainingPlot(rows, title: options.modelName, subtitle: model.facts.architecture) {
      try ResultImage.fresh(plot.drawn()).write(to: .file(options.plotPath))
      card.plot = String(fileName(of: options.plotPath))
    }
    try Output.file(options.cardPath).write(Array(card.markdown.utf8))
  }

  private var card: ModelCard {
    let (trainer, facts) = (options.trainer, model.facts)
    var beta: Double?
    if case .trades(let weight) = trainer.method { beta = weight }
    let photosOfStep = Double(position.batch) / Double(data.training.count)
    let sizes = zip(schedule.phases, schedule.steps(ofFirst: position.step)).map { phase, steps in
      (side: phase.side, epochs: Double(steps) * photosOfStep)
    }
    let settings = ModelCard.Training(
      start: position.initialModel, constraint: isRobust ? trainer.attack.norm.rawValue : nil,
      eps: position.eps, attackSteps: position.attackSteps, method: beta == nil ? "at" : "trades", beta: beta,
      sizes: sizes.filter { $0.epochs > 0 }, batch: position.batch, learningRate: schedule.peak,
      momentum: trainer.momentum, weightDecay: trainer.weightDecay, labelSmoothing: trainer.labelSmoothing,
      averageDecay: trainer.averageDecay, precision: options.precision.rawValue, randomSeed: options.seed,
      steps: position.step, seconds: position.seconds, trainingPhotos: data.training.count,
      selectionPhotos: data.selection.count, reportPhotos: data.report.count,
      split: options.test.isEmpty
        ? "the parts are told apart by a hash of CLASS/NAME, \(percent(options.heldOut)) being held out, and "
          + "photos that look the same are in the same part"
        : "what chose and what was reported on were given apart",
      version: Installation.version)
    var card = ModelCard(
      name: options.modelName, file: String(fileName(of: options.output!)), architecture: facts.architecture,
      stem: model.stem, parameters: model.parameterCount, products: model.products(side: options.side),
      side: options.side, classes: position.classes, sources: sources, training: settings)
    if let figures, let outcomes {
      card.figures = .init(
        photos: figures.images, cleanAccuracy: figures.cleanAccuracy,
        attack: attack.map {
          .init(
            constraint: $0.norm.rawValue, eps: $0.radius, steps: $0.steps, restarts: $0.restarts,
            accuracy: figures.robustAccuracy())
        },
        classes: position.classes.indices.map { label in
          let own = RobustEvaluation.Counts(
            outcomes.filter { $0.label == label }, attacks: isRobust ? 1 : 0)
          return .init(
            photos: own.images, cleanAccuracy: own.cleanAccuracy,
            robustAccuracy: isRobust ? own.robustAccuracy() : nil)
        })
    }
    if position.bestStep < position.step {
      card.remarks.append(
        "The weights are the average at step \(position.bestStep), which did best on the photos that chose.")
    }
    if position.attackSteps != trainer.attack.steps {
      card.remarks.append("It began with attacks of \(trainer.attack.steps) step, until these failed.")
    }
    if let wanted = options.wanted {
      card.remarks.append(
        "The radius of the training's attacks began at \(significant(options.eps)) and was moved for "
          + "\(percent(wanted.accuracy)) under attacks of radius \(significant(wanted.eps)).")
    }
    return card
  }

  /// The files and folders that were named, and the photos of each name's set together.
  private var sources: [ModelCard.Source] {
    let names = (options.data + options.test).map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    let photos = data.photos.count + (data.test?.count ?? 0)
    return [.init(name: names.joined(separator: ", "), photos: photos)]
  }

  var metadata: [String: String] {
    let trainer = options.trainer
    var facts = model.architectureMetadata
    facts["size"] = "\(options.side)"
    facts["constraint"] = isRobust ? trainer.attack.norm.rawValue : "none"
    facts["eps"] = isRobust ? rounded(position.eps, 4) : "0"
    facts["attack_steps"] = "\(position.attackSteps)"
    facts["epochs"] = rounded(epochs, 1)
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

  /// Seed distributions at a quarter of the side.
  private func estimatedSeeds() throws -> (SeedEstimation, [SeedMixture]) {
    let estimation = SeedEstimation(
      side: max(options.side / 4, 1), rank: options.seedRank, mostComponents: options.seedMixtures,
      seed: options.seed)
    let mixtures = try position.classes.indices.map { label in
      try estimation.mixture(ofClass: label, in: data.training) { $0 == label }
    }
    return (estimation, mixtures)
  }

  /// For programs, when all is done.
  struct Report: Encodable {
    struct Figures: Encodable {
      let photos: Int
      let cleanAccuracy: Double
      /// Under the attack; nil: the network was not trained for any.
      let robustAccuracy: Double?
    }
    struct Attack: Encodable {
      let norm: String
      let eps: Double
      let steps, restarts: Int
    }
    let model, card, log, state: String
    /// nil: there was nothing to draw.
    let plot: String?
    let classes: [String]
    let size, steps, bestStep, attackSteps: Int
    let epochs, seconds, loadingSeconds, eps: Double
    let trainingPhotos, selectionPhotos, reportPhotos: Int
    /// On the selection part, of the average that became the model.
    let selection: Figures?
    /// On the report part.
    let report: Figures?
    /// The attack that the report part was measured under.
    let attack: Attack?
  }

  var report: Report {
    Report(
      model: options.output!, card: options.cardPath, log: options.logPath, state: options.statePath,
      plot: fileExists(options.plotPath) ? options.plotPath : nil, classes: position.classes,
      size: options.side, steps: position.step, bestStep: position.bestStep,
      attackSteps: position.attackSteps,
      epochs: epochs, seconds: position.seconds, loadingSeconds: position.loadingSeconds, eps: position.eps,
      trainingPhotos: data.training.count, selectionPhotos: data.selection.count,
      reportPhotos: data.report.count,
      selection: position.choice.best.map {
        .init(
          photos: data.selection.count, cleanAccuracy: $0.clean, robustAccuracy: isRobust ? $0.robust : nil)
      },
      report: figures.map {
        .init(
          photos: $0.images, cleanAccuracy: $0.cleanAccuracy,
          robustAccuracy: isRobust ? $0.robustAccuracy() : nil)
      },
      attack: attack.map {
        .init(norm: $0.norm.rawValue, eps: $0.radius, steps: $0.steps, restarts: $0.restarts)
      })
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
