import CKernels

/// APGD: projected gradient descent with momentum, whose step is halved, and which goes back to the best
/// point, where a checkpoint finds that it makes no headway. (Croce and Hein, arXiv 2003.01690, algorithm 1.)
/// Where the paper and its authors' program differ, this is as the program: improvements in just 75 % of the
/// steps are too few.
final class AutoProjectedGradient: ImageAttack {
  private let image: AttackedImage
  private let norm: PerturbationNorm
  private let radius: Double
  private let steps: Int
  private let loss: AttackLoss

  private let x, previous, best, bestGradient, scratch: Buffer
  private var stepSize: Double
  private var taken = 0

  // Losses at the best point, at the last point, and at the last checkpoint.
  private var bestLoss = -Double.infinity
  private var lastLoss = 0.0
  private var checkedLoss = -Double.infinity
  /// Whether the step was halved at the last checkpoint; at the first, standing still is no reason to halve
  /// it.
  private var halved = true
  /// Steps from the last checkpoint to the next one, those taken of these, and how many of these raised the
  /// loss.
  private var period: Int
  private var sinceCheck = 0
  private var raised = 0

  /// The share of the point that is the momentum's, and of steps that have to raise the loss.
  private static let inertia = 0.25, leastRaised = 0.75

  init(
    _ image: AttackedImage, norm: PerturbationNorm, radius: Double, steps: Int, loss: AttackLoss,
    start: RandomStart
  ) {
    (self.image, self.norm, self.radius) = (image, norm, radius)
    (self.steps, self.loss) = (steps, loss)
    let count = image.pixels.count
    (x, previous, best) = (Buffer(count), Buffer(count), Buffer(count))
    (bestGradient, scratch) = (Buffer(count), Buffer(count))
    stepSize = 2 * radius
    period = max(Int(0.22 * Double(steps)), 1)
    rt_copy(x.base, image.pixels.base, count)
    rt_add(x.base, start.onSphere(norm, radius: radius, count: count), count)
    rt_clamp(x.base, 0, 1, count)
    rt_copy(previous.base, x.base, count)
  }

  var point: UnsafePointer<Float> { UnsafePointer(x.base) }
  var progress: Double { Double(taken) / Double(max(steps, 1)) }

  func judge(
    _ logits: UnsafeBufferPointer<Float>, isBroken: Bool, gradient: UnsafeMutableBufferPointer<Float>
  ) -> AttackVerdict {
    if isBroken { return .broken }
    if taken == steps { return .exhausted }
    let value = loss.value(logits, label: image.label, gradient: gradient)
    if taken > 0 {
      sinceCheck += 1
      if value > lastLoss { raised += 1 }
    }
    lastLoss = value
    return .wantsGradient
  }

  func advance(_ gradient: UnsafePointer<Float>) {
    let count = x.count
    if lastLoss > bestLoss {
      bestLoss = lastLoss
      rt_copy(best.base, x.base, count)
      rt_copy(bestGradient.base, gradient, count)
    }
    if taken == 0 { checkedLoss = bestLoss }
    var gradient = gradient
    if sinceCheck == period, check() {
      rt_copy(x.base, best.base, count)
      gradient = UnsafePointer(bestGradient.base)
    }
    step(gradient)
    taken += 1
  }

  /// - Returns: whether the search goes on from the best point.
  private func check() -> Bool {
    let oscillates = Double(raised) <= Self.leastRaised * Double(period)
    let stands = !halved && checkedLoss >= bestLoss
    halved = oscillates || stands
    checkedLoss = bestLoss
    (sinceCheck, raised) = (0, 0)
    period = max(
      period - max(Int(0.03 * Double(steps)), 1), max(Int(0.06 * Double(steps)), 1))
    if halved { stepSize /= 2 }
    return halved
  }

  /// A step to z, and from there the point x + (1 − β)(z − x) + β(x − previous), each projected. The first
  /// step is without momentum.
  private func step(_ gradient: UnsafePointer<Float>) {
    let (count, centre) = (x.count, UnsafePointer(image.pixels.base))
    let inertia = Float(taken == 0 ? 0 : Self.inertia)
    rt_copy(scratch.base, x.base, count)
    norm.climb(scratch.base, along: gradient, by: stepSize, count)
    norm.project(scratch.base, around: centre, radius: radius, count)
    // previous becomes x and x becomes the new point.
    rt_blend_momentum(x.base, previous.base, scratch.base, inertia, count)
    norm.project(x.base, around: centre, radius: radius, count)
  }
}
