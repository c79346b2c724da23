import RobustRuntime

/// What the options of `rtool evaluate` ask for.
struct EvaluationOptions {
  enum Part: String, CaseIterable {
    case all, training, selection, report
    case heldOut = "held-out"
  }

  let part: Part
  let heldOut: Double
  let limit, size: Int?
  let classes: [String]?
  /// Nil: none.
  let attack: AttackSettings.Method?
  let norm: PerturbationNorm
  /// Nil: as the models were trained.
  let radii: [Double]?
  let loss: AttackSettings.Loss
  let steps, restarts, targets: Int
  let stepSize: Double?
  let seed: UInt64
  let listsClasses, listsConfusion, listsPhotos, printsJSON: Bool
  let batch, threads: Int
  let precision: Precision
  let cache: String?

  /// - Throws: `Failure` of usage, which names the option.
  init(_ values: OptionValues) throws {
    part = values[EvaluationOption.part]
    heldOut = values[EvaluationOption.heldOut]
    limit = values[EvaluationOption.limit]
    size = values[EvaluationOption.size]
    classes = try values[EvaluationOption.classes].map { try Self.names($0, option: "classes") }
    attack = values[EvaluationOption.attack].method
    norm = values[EvaluationOption.norm]
    let eps = values[EvaluationOption.eps]
    radii = eps == "auto" ? nil : try Self.radii(eps)
    loss = values[EvaluationOption.loss]
    steps = values[EvaluationOption.steps] ?? (attack == .pgd ? 20 : 100)
    restarts = values[EvaluationOption.restarts]
    targets = values[EvaluationOption.targets]
    stepSize = values[EvaluationOption.stepSize]
    seed = values[EvaluationOption.seed]
    (listsClasses, listsConfusion) = (values[EvaluationOption.perClass], values[EvaluationOption.confusion])
    (listsPhotos, printsJSON) = (values[EvaluationOption.perPhoto], values[ListCommands.json])
    batch = values[EvaluationOption.batch]
    threads = values[BenchCommand.threads]
    precision = values[HostOption.precision]
    cache = values[EvaluationOption.cache]
    if listsPhotos && !printsJSON { throw Failure.usage("--per-photo needs --json") }
    if stepSize != nil && attack != .pgd { throw Failure.usage("--step-size is for --attack pgd alone") }
    if values.isGiven(EvaluationOption.loss) && attack != .pgd && attack != .apgd {
      throw Failure.usage("--loss is for --attack pgd or apgd; the others have their own")
    }
  }

  /// The attack of one radius.
  func attack(_ radius: Double) -> AttackSettings {
    var settings = AttackSettings(attack ?? .pgd, norm: norm, radius: radius, steps: steps)
    (settings.loss, settings.restarts, settings.targets) = (loss, restarts, targets)
    (settings.stepSize, settings.seed) = (stepSize, seed)
    return settings
  }

  private static func names(_ text: String, option: String) throws -> [String] {
    let names = text.split(separator: ",").map(String.init)
    guard Set(names).count >= 2 else {
      throw Failure.usage("--\(option) needs at least two names, as in --\(option) cat,dog")
    }
    return names
  }

  /// Numbers, or fractions such as 8/255.
  private static func radii(_ text: String) throws -> [Double] {
    var radii: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let terms = part.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
      let value = terms.count == 2 ? terms[0].flatMap { a in terms[1].map { a / $0 } } : terms[0]
      guard terms.count <= 2, let value, value.isFinite, value > 0, value <= 1e6 else {
        let zero = value == 0 ? "; accuracy without an attack is told anyway" : ""
        throw Failure.usage(
          "--eps must be positive numbers with commas between, as in 0.5,1,2 or 8/255, not \(quoted(part))\(zero)"
        )
      }
      if !radii.contains(value) { radii.append(value) }
    }
    return radii
  }
}
