import AttackAlgorithms
import Glibc
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
    let outcome = try scene.host.ascend(ascent, from: [scene.start], minimising: [crossEntropy])
    let values = file.rounded(Scene.values(of: outcome.images[0]))
    return Finding(
      values: values, radius: scene.radius(of: values), after: Prediction(logits: try scene.logits(values)))
  }

  /// In double precision: where the model is certain, the whole gradient lies in the little that 1 − p leaves.
  private var crossEntropy: Term {
    let (aim, sign) = (goal.to ?? goal.from, goal.to == nil ? -1.0 : 1)
    return Term(
      1,
      .custom(layers: []) { evaluation in
        let logits = evaluation.logits.map(Double.init)
        let highest = logits.max()!
        let powers = logits.map { exp($0 - highest) }
        let others = logits.indices.reduce(0) { $1 == aim ? $0 : $0 + powers[$1] }
        let all = others + powers[aim]
        evaluation.loss = sign * (highest - logits[aim] + log1p(all - 1))
        for c in logits.indices {
          evaluation.logitGradient[c] = Float(sign * (c == aim ? -others : powers[c]) / all)
        }
      })
  }
}
