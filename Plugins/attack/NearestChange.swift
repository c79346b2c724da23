import AttackAlgorithms
import RTool

/// The search for the smallest change that reaches a goal: the boundaries to several classes are approached at once, and
/// those left behind that turn out to be farther away.
struct NearestChange {
  let scene: Scene
  let goal: Goal
  let file: FileValues
  /// Steps towards each boundary, and how many of the likeliest classes are tried where any will do.
  let steps, targets: Int

  /// Steps of the projected gradient at each radius, and how often the range of radii is halved.
  private static let pushes = 30, halvings = 7

  /// - Parameter limit: at the model's side.
  /// - Returns: nil where no change up to `limit` was found.
  func smallest(_ before: Prediction, limit: Double) throws -> Finding? {
    let approaches = try approached(before)
    let shortening = Shortening(scene: scene, goal: goal, file: file)
    var best: Finding?
    for approach in approaches.prefix(2) where approach.size <= 1.02 * approaches[0].size {
      guard let found = try shortening.shortest(approach.change) else { continue }
      if found.radius < best?.radius ?? .infinity { best = found }
    }
    if best == nil { best = try grown(shortening, limit: limit) }
    // A class that is named has to overtake many others, whose boundaries meet where it is nearest.
    if goal.to != nil, let found = best { best = try narrowed(found, shortening) }
    return best.flatMap { $0.radius <= limit ? $0 : nil }
  }

  /// The ways to the boundaries that are nearest, the nearest first.
  private func approached(_ before: Prediction) throws -> [Approach] {
    let rivals =
      goal.to == nil ? before.ranking.filter { $0 != goal.from }.prefix(targets).map(Optional.some) : [nil]
    var approaches = rivals.map { Approach(Boundary(scene: scene, goal: goal, rival: $0)) }
    scene.host.show(step: 0, loss: 0, scene.start)
    for round in 0..<max(steps, 2) {
      for index in approaches.indices where !approaches[index].isSettled {
        let done = Double(round) + Double(index) / Double(approaches.count)
        try scene.host.progress(0.9 * done / Double(max(steps, 2)), "boundaries: \(approaches.count)")
        try approaches[index].advance()
      }
      approaches.sort { $0.size < $1.size }
      try show(approaches[0], step: round + 1)
      // What is known of a boundary is less and less wrong.
      let tolerated = (1 + 1 / (Double(round + 1) * Double(round + 1).squareRoot())) * approaches[0].size
      approaches.removeAll { $0.size > tolerated }
      if approaches.allSatisfy(\.isSettled) { break }
    }
    return approaches
  }

  /// Shows the change so far, whose size is what is to be small.
  private func show(_ approach: Approach, step: Int) throws {
    guard approach.size.isFinite else { return }
    try scene.host.scoped {
      let image = try scene.image(Scene.clamped(sum(scene.origin, approach.change)))
      scene.host.show(step: step, loss: approach.size / scene.scale, image)
    }
  }

  /// What projected gradient steps find within the least of radii of which each is twice the one before.
  private func grown(_ shortening: Shortening, limit: Double) throws -> Finding? {
    let expected = scene.host.model.eps > 0 ? scene.host.model.eps : 0.25
    var radius = scene.norm == .l2 ? expected : expected / 100
    while true {
      radius = min(radius, limit)
      if let change = try pushed(within: radius, progress: 0.9...0.95) {
        return try shortening.shortest(change)
      }
      if radius >= limit { return nil }
      radius *= 2
    }
  }

  /// What they find within smaller radii, by halving the range that the least lies in.
  private func narrowed(_ found: Finding, _ shortening: Shortening) throws -> Finding {
    var (best, low) = (found, 0.0)
    for trial in 0..<Self.halvings where best.radius - low > 0.01 * best.radius {
      let middle = (low + best.radius) / 2
      let done = 0.9 + 0.1 * Double(trial) / Double(Self.halvings)
      let change = try pushed(within: middle, progress: done...done + 0.1 / Double(Self.halvings))
      if let change, let closer = try shortening.shortest(change), closer.radius < best.radius {
        best = closer
      } else {
        low = middle
      }
    }
    return best
  }

  /// The change by which projected gradient steps within a radius reach the goal; nil: they do not.
  private func pushed(within radius: Double, progress: ClosedRange<Double>) throws -> [Float]? {
    let goal = goal
    let margin = Term(
      1,
      .custom(layers: []) { evaluation in
        let logits = Array(evaluation.logits)
        let (winner, loser) = goal.contest(logits)
        evaluation.loss = Double(logits[loser] - logits[winner])
        evaluation.logitGradient[winner] = -1
        evaluation.logitGradient[loser] = 1
      })
    let reach = radius * scene.scale
    var ascent = Ascent(steps: Self.pushes, stepSize: 2.5 * reach / Double(Self.pushes))
    ascent.rule = scene.norm == .l2 ? .normalised : .sign
    ascent.set = scene.norm == .l2 ? .l2(radius: reach) : .linf(radius: reach)
    ascent.stopLoss = Double(-Goal.rounding)
    ascent.keepBest = true
    ascent.progress = progress
    ascent.note = "radius \(Text.fixed(radius, 2))"
    return try scene.host.scoped {
      let outcome = try scene.host.ascend(ascent, from: [scene.start], minimising: [margin])
      guard outcome.losses[0] < 0 else { return nil }
      return sum(Scene.values(of: outcome.images[0]), scene.origin, share: -1)
    }
  }
}
