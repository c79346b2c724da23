import RTool

/// What an attack is after.
struct Goal {
  /// What the photo is taken for.
  let from: Int
  /// What it is to be taken for; nil: anything else.
  let to: Int?

  func isReached(by prediction: Prediction) -> Bool {
    to.map { prediction.best == $0 } ?? (prediction.best != from)
  }

  /// How far the logits are from the goal: negative where it is reached. The margin loss of Carlini and Wagner.
  var term: Term {
    let (to, from) = (to, from)
    return Term(
      1,
      .custom(layers: []) { evaluation in
        let logits = evaluation.logits
        let fixed = to ?? from
        let rival = logits.indices.filter { $0 != fixed }.max { logits[$0] < logits[$1] }!
        let sign: Float = to == nil ? 1 : -1
        evaluation.loss = Double(sign * (logits[fixed] - logits[rival]))
        evaluation.logitGradient[fixed] = sign
        evaluation.logitGradient[rival] = -sign
      })
  }
}

/// A change that reaches the goal.
struct Finding {
  let image: Image
  /// At the model's side.
  let radius: Double
  let after: Prediction
}

/// The search for the smallest change that reaches a goal.
struct Search {
  let host: Host
  let start: Image
  let goal: Goal
  let norm: Norm
  /// How gradients are followed, whatever the radius.
  let ascent: Ascent

  /// Logits by which the goal is passed, so that rounding to 8 bits leaves it reached.
  private static let margin = 0.01

  /// An L2 length grows with the square root of the number of pixels.
  private var scale: Double {
    norm == .l2 ? (Double(start.width * start.height)).squareRoot() / Double(host.model.side) : 1
  }

  /// - Returns: nil where no radius up to `limit` is enough.
  func smallest(halvings: Int, limit: Double) throws -> Finding? {
    let expected = host.model.eps > 0 ? host.model.eps : 0.25
    var (low, high) = (0.0, min(norm == .l2 ? expected : expected / 100, limit))
    let trials = Double(halvings + 4)
    var trial = 0.0
    func attempt(_ radius: Double) throws -> Finding? {
      let progress = min(trial / trials, 0.99)...min((trial + 1) / trials, 1)
      trial += 1
      return try self.attempt(radius, progress: progress)
    }

    var best = try attempt(high)
    while best == nil {
      if high >= limit { return nil }
      (low, high) = (high, min(2 * high, limit))
      best = try attempt(high)
    }
    for _ in 0..<halvings {
      high = min(high, best!.radius)
      if high - low < 0.01 * high { break }
      let middle = (low + high) / 2
      if let closer = try attempt(middle), closer.radius < high { best = closer } else { low = middle }
    }
    return best
  }

  /// What projected gradient steps within a radius find, made as small as it may be.
  private func attempt(_ radius: Double, progress: ClosedRange<Double>) throws -> Finding? {
    let reach = radius * scale
    var ascent = ascent
    ascent.stepSize = 2.5 * reach / Double(max(ascent.steps, 1))
    ascent.rule = norm == .l2 ? .normalised : .sign
    ascent.set = norm == .l2 ? .l2(radius: reach) : .linf(radius: reach)
    ascent.stopLoss = -Search.margin
    ascent.progress = progress
    ascent.note = "radius \(Text.fixed(radius, 2))"
    let outcome = try host.ascend(ascent, from: [start], minimising: [goal.term])
    guard outcome.losses[0] <= -Search.margin else { return nil }
    return try shortened(outcome.images[0])
  }

  /// The smallest part of a change that still reaches the goal, also after rounding.
  private func shortened(_ image: Image) throws -> Finding? {
    var finding = try finding(image, share: 1)
    var (low, high): (Float, Float) = (0, 1)
    for _ in 0..<8 {
      let middle = (low + high) / 2
      if let shorter = try self.finding(image, share: middle) {
        (finding, high) = (shorter, middle)
      } else {
        low = middle
      }
    }
    return finding
  }

  private func finding(_ image: Image, share: Float) throws -> Finding? {
    let result = try host.image(width: start.width, height: start.height, channels: 3)
    let rounded = try host.image(width: start.width, height: start.height, channels: 3)
    var (length, largest) = (0.0, 0.0)
    for y in 0..<start.height {
      let (to, level, from, attacked) = (result.row(y), rounded.row(y), start.row(y), image.row(y))
      for i in 0..<3 * start.width {
        let change = share * (attacked[i] - from[i])
        to[i] = min(max(from[i] + change, 0), 1)
        level[i] = (to[i] * 255).rounded() / 255
        length += Double(change * change)
        largest = max(largest, Double(abs(change)))
      }
    }
    let after = try host.prediction(rounded)
    guard goal.isReached(by: after), goal.isReached(by: try host.prediction(result)) else { return nil }
    return Finding(
      image: result, radius: norm == .l2 ? length.squareRoot() / scale : largest, after: after)
  }
}
