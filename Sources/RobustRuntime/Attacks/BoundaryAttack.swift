import CKernels

/// FAB, targeted: looks for ever nearer points at which class t overtakes the label, until one lies within
/// the radius. It goes to the linearised boundary between the two, within 0...1, drawn a little towards the
/// image, and back towards the image when it is across. (Croce and Hein, arXiv 1907.02044, algorithm 1, with
/// the gradient of one class as in arXiv 2003.01690; the final search is left out, as in the authors'
/// program.)
final class BoundaryAttack: ImageAttack {
  private let image: AttackedImage
  private let norm: PerturbationNorm
  private let radius: Double
  private let steps: Int
  private let target: Int

  private let x, ownStep, imageStep: Buffer
  private var taken = 0
  /// The difference of the logits of the target and of the label at `point`.
  private var difference = 0.0
  /// Whether `point` was only brought back, which is not judged.
  private var wasBroughtBack = false

  /// The bound of the image's share in a step, the factor that stretches steps, and the one that shortens the way back.
  private static let mostDrawn = 0.1, stretch = 1.05, back = 0.9

  /// - Parameter start: nil: at the image; else at half the radius.
  init(
    _ image: AttackedImage, norm: PerturbationNorm, radius: Double, steps: Int, target: Int,
    start: RandomStart?
  ) {
    (self.image, self.norm, self.radius) = (image, norm, radius)
    (self.steps, self.target) = (steps, target)
    let count = image.pixels.count
    (x, ownStep, imageStep) = (Buffer(count), Buffer(count), Buffer(count))
    rt_copy(x.base, image.pixels.base, count)
    if let start {
      rt_add(x.base, start.onSphere(norm, radius: radius / 2, count: count), count)
      rt_clamp(x.base, 0, 1, count)
      // The start is no step: it is not judged.
      wasBroughtBack = true
    }
  }

  var point: UnsafePointer<Float> { UnsafePointer(x.base) }
  var progress: Double { Double(taken) / Double(max(steps, 1)) }

  func judge(
    _ logits: UnsafeBufferPointer<Float>, isBroken: Bool, gradient: UnsafeMutableBufferPointer<Float>
  ) -> AttackVerdict {
    if isBroken && !wasBroughtBack {
      if norm.distance(x.base, image.pixels.base, x.count) <= radius { return .broken }
      if taken == steps { return .exhausted }
      rt_scale_around(x.base, image.pixels.base, Float(Self.back), x.count)
      wasBroughtBack = true
      return .again
    }
    wasBroughtBack = false
    if taken == steps { return .exhausted }
    difference = AttackLoss.targetedMargin(target).value(logits, label: image.label, gradient: gradient)
    return .wantsGradient
  }

  func advance(_ gradient: UnsafePointer<Float>) {
    let (count, centre) = (x.count, UnsafePointer(image.pixels.base))
    // On the boundary w·(z − x) = −difference.
    let shift = rt_dot(gradient, x.base, count) - rt_dot(gradient, centre, count)
    let plane = HyperplaneProjection(norm: norm, normal: gradient, count: count)
    let own = plane.step(from: x.base, gaining: -difference, to: ownStep.base)
    let fromImage = plane.step(from: centre, gaining: -difference + shift, to: imageStep.base)
    let (a, b) = (max(own, 1e-8), max(fromImage, 1e-8))
    let share = min(a / (a + b), Self.mostDrawn)
    rt_scale(x.base, Float(1 - share), count)
    rt_add_scaled(x.base, ownStep.base, Float((1 - share) * Self.stretch), count)
    rt_add_scaled(x.base, centre, Float(share), count)
    rt_add_scaled(x.base, imageStep.base, Float(share * Self.stretch), count)
    rt_clamp(x.base, 0, 1, count)
    taken += 1
  }
}
