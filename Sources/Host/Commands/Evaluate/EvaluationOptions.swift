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
  init(_ parsed: ParsedArguments) throws {
    let values = CommandValues(parsed, Self.parameters)
    func number(_ name: String) throws -> Double? { try values.optional(name) }
    func choice(_ name: String) throws -> Int { try values.int(name) }
    func isOn(_ name: String) -> Bool { parsed.isOn(name) }

    part = Part.allCases[try choice("part")]
    heldOut = try number("held-out")!
    limit = try number("limit").map { Int($0) }
    size = try number("size").map { Int($0) }
    classes = try parsed.last("classes").map { try Self.names($0, option: "classes") }
    attack = [.pgd, .apgd, .fab, .ensemble, nil][try choice("attack")]
    norm = PerturbationNorm.allCases[try choice("norm")]
    radii = try parsed.last("eps").flatMap { $0 == "auto" ? nil : try Self.radii($0) }
    loss = AttackSettings.Loss.allCases[try choice("loss")]
    steps = try number("steps").map { Int($0) } ?? (attack == .pgd ? 20 : 100)
    restarts = Int(try number("restarts")!)
    targets = Int(try number("targets")!)
    stepSize = try number("step-size")
    seed = UInt64(try number("seed")!)
    (listsClasses, listsConfusion) = (isOn("per-class"), isOn("confusion"))
    (listsPhotos, printsJSON) = (isOn("per-photo"), isOn("json"))
    batch = Int(try number("batch")!)
    threads = Int(try number("threads")!)
    precision = Precision.allCases[try choice("precision")]
    cache = parsed.last("cache")
    if listsPhotos && !printsJSON { throw Failure.usage("--per-photo needs --json") }
    if stepSize != nil && attack != .pgd { throw Failure.usage("--step-size is for --attack pgd alone") }
    if parsed.texts["loss"] != nil && attack != .pgd && attack != .apgd {
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
