import CKernels

/// Projected gradient descent: steps of one length, each followed by the projection. (Madry et al., arXiv
/// 1706.06083.) Every point on the way counts, the start and the last one too.
final class ProjectedGradient: ImageAttack {
  private let image: AttackedImage
  private let norm: PerturbationNorm
  private let radius, stepSize: Double
  private let steps: Int
  private let loss: AttackLoss
  private let x: Buffer
  private var taken = 0

  /// - Parameter start: nil: at the image itself.
  init(
    _ image: AttackedImage, norm: PerturbationNorm, radius: Double, stepSize: Double, steps: Int,
    loss: AttackLoss, start: RandomStart?
  ) {
    (self.image, self.norm, self.radius) = (image, norm, radius)
    (self.stepSize, self.steps, self.loss) = (stepSize, steps, loss)
    x = Buffer(image.pixels.count)
    rt_copy(x.base, image.pixels.base, x.count)
    if let start {
      rt_add(x.base, start.inside(norm, radius: radius, count: x.count), x.count)
      norm.project(x.base, around: image.pixels.base, radius: radius, x.count)
    }
  }

  var point: UnsafePointer<Float> { UnsafePointer(x.base) }
  var progress: Double { Double(taken) / Double(max(steps, 1)) }

  func judge(
    _ logits: UnsafeBufferPointer<Float>, isBroken: Bool, gradient: UnsafeMutableBufferPointer<Float>
  ) -> AttackVerdict {
    if isBroken { return .broken }
    if taken == steps { return .exhausted }
    _ = loss.value(logits, label: image.label, gradient: gradient)
    return .wantsGradient
  }

  func advance(_ gradient: UnsafePointer<Float>) {
    norm.climb(x.base, along: gradient, by: stepSize, x.count)
    norm.project(x.base, around: image.pixels.base, radius: radius, x.count)
    taken += 1
  }
}
