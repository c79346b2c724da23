import RobustRuntime

/// What `rtool evaluate` found, as --json tells it.
struct EvaluationReport: Encodable {
  /// How many of the photos were classified correctly.
  struct Accuracy: Encodable {
    let right, photos: Int
    let accuracy: Double
    /// The interval of 95 % confidence. (Wilson: "Probable inference", JASA 22, 1927.)
    let interval: [Double]

    init(_ right: Int, of photos: Int) {
      (self.right, self.photos) = (right, photos)
      accuracy = photos > 0 ? Double(right) / Double(photos) : 0
      interval = Accuracy.wilson(right, of: photos)
    }

    private static func wilson(_ right: Int, of photos: Int) -> [Double] {
      guard photos > 0 else { return [0, 1] }
      let (z, n) = (1.959964, Double(photos))
      let p = Double(right) / n
      let middle = p + z * z / (2 * n)
      let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
      let whole = 1 + z * z / n
      // Rounding must not leave the share itself outside.
      return [max(min((middle - spread) / whole, p), 0), min(max((middle + spread) / whole, p), 1)]
    }
  }

  struct Attack: Encodable {
    let eps: Double
    let accuracy: Accuracy
    /// Photos of a class (row) that are taken for another (column) under attack.
    let confusion: [[Int]]
  }

  struct Class: Encodable {
    let name: String
    let clean: Accuracy
    /// By eps.
    let attacks: [Accuracy]
  }

  struct Photo: Encodable {
    let name, label, clean: String
    /// What it is taken for, by eps; its label: the attack failed.
    let attacked: [String]
  }

  struct Model: Encodable {
    let name, path, architecture, sha256: String
    let size: Int
    /// The number of all classes that it knows.
    let modelClasses: Int
    /// Whether it knows classes that were not asked for.
    let isRestricted: Bool
    let clean: Accuracy
    let cleanConfusion: [[Int]]
    let attacks: [Attack]
    let classes: [Class]
    let photos: [Photo]?
  }

  let data: [String]
  let part: String
  let heldOut: Double
  let limit: Int?
  let classes: [String]
  let attack: String?
  let norm: String
  let eps: [Double]
  /// By eps; nil: the attack finds its own.
  let stepSizes: [Double]?
  let loss: String?
  let steps, restarts, targets: Int
  let seed: UInt64
  let batch, threads: Int
  let precision: String
  let leftOut: [String]
  let models: [Model]

  init(
    _ options: EvaluationOptions, data: [String], classes: [String], radii: [Double], threads: Int,
    leftOut: [String], models: [Model]
  ) {
    (self.data, self.classes, self.threads, self.leftOut, self.models) = (
      data, classes, threads, leftOut, models
    )
    (part, heldOut, limit) = (options.part.rawValue, options.heldOut, options.limit)
    (attack, norm, eps) = (options.attack?.rawValue, options.norm.rawValue, radii)
    stepSizes = options.attack == .pgd ? radii.map { options.attack($0).effectiveStepSize } : nil
    loss = options.attack == .pgd || options.attack == .apgd ? options.loss.rawValue : nil
    (steps, restarts, targets) = (options.steps, options.restarts, options.targets)
    (seed, batch, precision) = (options.seed, options.batch, options.precision.rawValue)
  }
}

extension EvaluationReport.Model {
  init(
    _ model: EvaluatedModel, classes: SharedClasses, radii: [Double],
    outcomes: [RobustEvaluation.Outcome], photoNames: [String]?
  ) throws {
    typealias Accuracy = EvaluationReport.Accuracy
    let names = classes.names
    func confusion(_ taken: (RobustEvaluation.Outcome) -> Int) -> [[Int]] {
      var counts = [[Int]](repeating: [Int](repeating: 0, count: names.count), count: names.count)
      for outcome in outcomes { counts[outcome.label][taken(outcome)] += 1 }
      return counts
    }
    func accuracy(_ isRight: (RobustEvaluation.Outcome) -> Bool, label: Int? = nil) -> Accuracy {
      let own = label.map { label in outcomes.filter { $0.label == label } } ?? outcomes
      return Accuracy(own.count(where: isRight), of: own.count)
    }
    (name, architecture) = (model.facts.name, model.facts.architecture)
    (path, sha256) = (model.source.place, try ModelSearch.digest(model.source))
    (size, modelClasses) = (model.size, model.facts.classes.count)
    isRestricted = modelClasses > names.count
    clean = accuracy(\.isRight)
    cleanConfusion = confusion(\.clean)
    attacks = radii.enumerated().map { k, radius in
      EvaluationReport.Attack(
        eps: radius, accuracy: accuracy { $0.withstands(k) }, confusion: confusion { $0.attacked[k] })
    }
    self.classes = names.enumerated().map { label, name in
      EvaluationReport.Class(
        name: name, clean: accuracy(\.isRight, label: label),
        attacks: radii.indices.map { k in accuracy({ $0.withstands(k) }, label: label) })
    }
    photos = photoNames.map { photoNames in
      zip(photoNames, outcomes).map { name, outcome in
        EvaluationReport.Photo(
          name: name, label: names[outcome.label], clean: names[outcome.clean],
          attacked: outcome.attacked.map { names[$0] })
      }
    }
  }
}
