/// One image's way through all attacks, of which the driver of the batch sees one point at a time.
struct AttackSlot {
  /// The number of the image among all.
  let index: Int
  private let image: AttackedImage
  private let attacks: [AttackRuns]
  private var attack = 0
  private var run = 0
  /// The run that is under way; nil: the image itself is to be judged.
  private var current: (any ImageAttack)?
  private(set) var wantsGradient = false
  private(set) var isDone = false
  private(set) var outcome: RobustEvaluation.Outcome

  init(index: Int, image: AttackedImage, attacks: [AttackRuns]) {
    (self.index, self.image, self.attacks) = (index, image, attacks)
    outcome = RobustEvaluation.Outcome(
      label: image.label, clean: image.label,
      attacked: [Int](repeating: image.label, count: attacks.count))
  }

  var point: UnsafePointer<Float> { current?.point ?? UnsafePointer(image.pixels.base) }

  /// The share that is done, if no attack succeeds.
  var progress: Double {
    guard !attacks.isEmpty, attack < attacks.count else { return 1 }
    let runs = (Double(run) + (current?.progress ?? 0)) / Double(attacks[attack].count)
    return (Double(attack) + runs) / Double(attacks.count)
  }

  mutating func judge(
    _ logits: UnsafeBufferPointer<Float>, gradient: UnsafeMutableBufferPointer<Float>
  ) {
    for j in gradient.indices { gradient[j] = 0 }
    wantsGradient = false
    let predicted = logits.largestIndex
    guard let current else {
      outcome.clean = predicted
      if predicted != image.label {
        for k in outcome.attacked.indices { outcome.attacked[k] = predicted }
        isDone = true
      } else {
        image.logits = Array(logits)
        begin()
      }
      return
    }
    switch current.judge(logits, isBroken: predicted != image.label, gradient: gradient) {
    case .wantsGradient: wantsGradient = true
    case .again: break
    case .broken:
      outcome.attacked[attack] = predicted
      (attack, run) = (attack + 1, 0)
      begin()
    case .exhausted:
      run += 1
      if run == attacks[attack].count { (attack, run) = (attack + 1, 0) }
      begin()
    }
  }

  func advance(_ gradient: UnsafePointer<Float>) { current?.advance(gradient) }

  private mutating func begin() {
    isDone = attack == attacks.count
    current = isDone ? nil : attacks[attack].start(run, on: image)
  }
}
