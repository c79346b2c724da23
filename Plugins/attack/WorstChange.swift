import AttackAlgorithms
import RTool

/// Projected gradient steps on the cross-entropy within a radius: away from what the photo is taken for, or towards the
/// class that is named. The best iterate counts. (Madry et al., arXiv 1706.06083.)
struct WorstChange {
  let scene: Scene
  let goal: Goal
  let file: FileValues
  /// Both at the model's side; step: nil: enough to cross the ball two and a half times.
  let radius: Double
  let step: Double?

  /// - Parameter ascent: whose steps and momentum count.
  func found(by ascent: Ascent) throws -> Finding {
    var ascent = ascent
    let reach = radius * scene.scale
    ascent.stepSize = step.map { $0 * scene.scale } ?? 2.5 * reach / Double(max(ascent.steps, 1))
    ascent.rule = scene.norm == .l2 ? .normalised : .sign
    ascent.set = scene.norm == .l2 ? .l2(radius: reach) : .linf(radius: reach)
    let aim = WeightedClass(index: Int32(goal.to ?? goal.from), weight: 1)
    let loss = Term(goal.to == nil ? -1 : 1, .crossEntropy([aim]))
    let outcome = try scene.host.ascend(ascent, from: [scene.start], minimising: [loss])
    let values = file.rounded(Scene.values(of: outcome.images[0]))
    return Finding(
      values: values, radius: scene.radius(of: values), after: Prediction(logits: try scene.logits(values)))
  }
}
