import CKernels

/// The perturbation that images get before a network learns from them: steps of projected gradient ascent
/// (Madry et al., arXiv 1706.06083), of which one from a random start is enough if it is watched (Wong, Rice,
/// Kolter: arXiv 2001.03994).
package struct TrainingAttack: Sendable, Equatable {
  package enum Norm: String, Sendable, CaseIterable { case l2, linf }

  package var norm = Norm.l2
  /// The radius, for values in 0...1; 0, or no steps: images stay as they are.
  package var eps = 2.0
  package var steps = 1
  /// The length of a step; nil: 1.25 eps for one step, and 2 eps / steps for more.
  package var stepSize: Double?
  package var randomStart = true
  /// The norms' statistics while it looks for the perturbation.
  package var statistics = NormMode.Statistics.batch

  package init() {}

  var isNone: Bool { steps == 0 || eps == 0 }
  var size: Double { stepSize ?? (steps == 1 ? 1.25 * eps : 2 * eps / Double(steps)) }

  /// Adds a perturbation within the radius to one image, in 0...1: L2: in a random direction, its length
  /// uniform in 0..<eps; Linf: uniform in ±eps.
  /// - Parameter random: Philox's seed and the image's own stream.
  func start(
    _ image: UnsafeMutablePointer<Float>, _ count: Int, random: (seed: UInt64, stream: UInt64),
    _ noise: UnsafeMutablePointer<Float>
  ) {
    switch norm {
    case .l2:
      rt_normal_noise(noise, random.seed, random.stream, count)
      let share = Double(Philox(seed: ~random.seed, stream: random.stream).uniform(count: 1)[0])
      rt_add_scaled(
        image, noise, Float(eps * share / max(rt_sum_squares(noise, count).squareRoot(), 1e-10)), count)
    case .linf:
      rt_uniform_noise(noise, random.seed, random.stream, count)
      rt_add_scaled(image, noise, Float(eps), count)
    }
    rt_clamp(image, 0, 1, count)
  }

  /// One step up the gradient and back into the ball about the centre and into 0...1. The gradient is used
  /// up.
  func advance(
    _ image: UnsafeMutablePointer<Float>, from centre: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    switch norm {
    case .l2:
      rt_add_scaled(
        image, gradient, Float(size / (rt_sum_squares(gradient, count).squareRoot() + 1e-10)), count)
      let distance = rt_squared_distance(image, centre, count).squareRoot()
      if distance > eps { rt_scale_around(image, centre, Float(eps / distance), count) }
    case .linf:
      rt_step_sign(image, gradient, Float(-size), count)
      rt_clamp_around(image, centre, Float(eps), count)
    }
    rt_clamp(image, 0, 1, count)
  }
}
