/// The runs of which an attack consists, one after the other until the image is broken.
struct AttackRuns {
  private enum Kind {
    case pgd, apgd, apgdTargeted, fab
  }

  private struct Run {
    let kind: Kind
    let restart: Int
    /// The rank of the class that is aimed at among the others; nil: none.
    let target: Int?
  }

  let settings: AttackSettings
  private let runs: [Run]
  private let hasRatio: Bool

  init(_ settings: AttackSettings, classCount: Int) {
    self.settings = settings
    hasRatio = classCount >= AttackLoss.leastClassesOfRatio
    let targets = min(settings.targets, classCount - 1)
    func plain(_ kind: Kind) -> [Run] {
      (0..<settings.restarts).map { Run(kind: kind, restart: $0, target: nil) }
    }
    func targeted(_ kind: Kind) -> [Run] {
      (0..<targets).flatMap { target in
        (0..<settings.restarts).map { Run(kind: kind, restart: $0, target: target) }
      }
    }
    runs =
      switch (settings.method, settings.loss) {
      case (.pgd, .targeted): targeted(.pgd)
      case (.pgd, _): plain(.pgd)
      case (.apgd, .targeted): targeted(.apgdTargeted)
      case (.apgd, _): plain(.apgd)
      case (.fab, _): targeted(.fab)
      case (.ensemble, _): plain(.apgd) + targeted(.apgdTargeted) + targeted(.fab)
      }
  }

  var count: Int { runs.count }

  /// - Parameter image: with its logits.
  func start(_ index: Int, on image: AttackedImage) -> any ImageAttack {
    let (run, s) = (runs[index], settings)
    let target = run.target.map { image.targets(atMost: $0 + 1)[$0] }
    // The same whatever else is done, so that more restarts, targets or methods contain what fewer find.
    let start = RandomStart(
      seed: s.seed, run: run.restart << 16 | (run.target ?? 0), image: image.identifier)
    switch run.kind {
    case .pgd:
      return ProjectedGradient(
        image, norm: s.norm, radius: s.radius, stepSize: s.effectiveStepSize, steps: s.steps,
        loss: target.map { .targetedMargin($0) } ?? untargetedLoss,
        start: s.startsAtRandom ? start : nil)
    case .apgd:
      return AutoProjectedGradient(
        image, norm: s.norm, radius: s.radius, steps: s.steps, loss: untargetedLoss, start: start)
    case .apgdTargeted:
      return AutoProjectedGradient(
        image, norm: s.norm, radius: s.radius, steps: s.steps,
        loss: hasRatio ? .targetedLogitRatio(target!) : .targetedMargin(target!), start: start)
    case .fab:
      return BoundaryAttack(
        image, norm: s.norm, radius: s.radius, steps: s.steps, target: target!,
        start: run.restart > 0 ? start : nil)
    }
  }

  private var untargetedLoss: AttackLoss {
    settings.method != .ensemble && settings.loss == .margin ? .margin : .crossEntropy
  }
}
