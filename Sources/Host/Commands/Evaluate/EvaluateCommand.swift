import Datasets
import RobustRuntime

/// `rtool evaluate MODEL... DATA...`: accuracy of models on photos, as they are and under attacks.
enum EvaluateCommand {
  static func run(_ values: OptionValues) throws {
    let options = try EvaluationOptions(values)
    let words = try EvaluationWords(
      values[EvaluationOption.model] + values[EvaluationOption.data], named: values[EvaluationOption.models])
    let threads = configureRuntime(threads: options.threads)
    try configureRuntime(precision: options.precision)
    let models = try words.models.map { source in
      EvaluatedModel(source: source, classifier: try ModelSearch.load(source), size: options.size)
    }
    for model in models { try model.checkSize() }
    let radii = options.attack == nil ? [] : options.radii ?? [Self.radius(options.norm, of: models)]

    ProgressBar.shared.begin("evaluate")
    let data = EvaluationData(paths: words.data, options: options, threads: threads)
    let classes = try data.classes(of: models, wanted: options.classes)
    for line in classes.notes(models) { Terminal.say("rtool evaluate: \(line)") }
    var rows: [EvaluationReport.Model] = []
    for (index, model) in models.enumerated() {
      let photos = try data.photos(size: model.size, classes: classes.names)
      let attacks = radii.map { options.attack($0) }
      let function = try model.classifier.logitFunction(
        capacity: min(options.batch, max(photos.count, 1)), height: model.size, width: model.size,
        classes: classes.indices(in: model.facts.classes))
      let images = photos.images(side: model.size)
      let outcomes = try RobustEvaluation.outcomes(of: function, on: images, under: attacks) { share in
        ProgressBar.shared.show((Double(index) + share) / Double(models.count), model.facts.name)
        return !Interrupt.isRequested
      }
      if Interrupt.isRequested { throw Failure.interrupted }
      rows.append(
        try EvaluationReport.Model(
          model, classes: classes, radii: radii, outcomes: outcomes.compactMap { $0 },
          photoNames: options.listsPhotos ? photos.names : nil))
    }
    ProgressBar.shared.end()
    let report = EvaluationReport(
      options, data: words.data, classes: classes.names, radii: radii, threads: threads,
      leftOut: data.problems, models: rows)
    try Terminal.print(
      options.printsJSON ? encodedJSON(report) + "\n" : EvaluationTable(report, options).text)
  }

  /// The training radius of the first model that was trained in this norm, else one that is usual for it.
  private static func radius(_ norm: PerturbationNorm, of models: [EvaluatedModel]) -> Double {
    let trained = models.first { $0.facts.constraint == norm.rawValue && $0.facts.eps > 0 }
    return trained?.facts.eps ?? (norm == .l2 ? 1 : 8.0 / 255)
  }
}

/// A model that is evaluated.
struct EvaluatedModel {
  let source: ModelSearch.Source
  let classifier: Classifier
  /// Pixels along either side of the images.
  let size: Int

  init(source: ModelSearch.Source, classifier: Classifier, size: Int?) {
    (self.source, self.classifier) = (source, classifier)
    self.size = size ?? classifier.facts.side
  }

  var facts: ModelFacts { classifier.facts }

  func checkSize() throws {
    guard size >= facts.smallest else {
      throw Failure.failed(
        "the model \(quoted(facts.name)) takes images of at least \(facts.smallest) px, not \(size); see --size"
      )
    }
  }
}
