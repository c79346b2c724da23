import AttackAlgorithms
import RTool

/// Where one class overtakes another, as the network shows it from a point.
struct Boundary {
  let scene: Scene
  let goal: Goal
  /// The class that is to win where any but one will do; nil: the likeliest, or the one that the goal names.
  let rival: Int?

  /// How far the winner is ahead at a point, and the gradient of that by the values.
  struct Slope {
    let lead: Double
    let gradient: [Float]
  }

  func slope(at values: [Float]) throws -> Slope {
    let (goal, rival) = (goal, rival)
    let lead = Term(
      1,
      .custom(layers: []) { evaluation in
        let logits = Array(evaluation.logits)
        let (winner, loser) = goal.contest(logits, rival: rival)
        evaluation.loss = Double(logits[winner] - logits[loser])
        evaluation.logitGradient[winner] = 1
        evaluation.logitGradient[loser] = -1
      })
    let host = scene.host
    return try host.scoped {
      let (value, gradient) = try host.gradient([lead], at: scene.image(values))
      return Slope(lead: value, gradient: Scene.values(of: gradient))
    }
  }
}
