import CKernels
import Glibc

/// The rule of an ascent, with what it remembers of the gradients before.
struct Stepping {
  private let settings: AscentSettings
  /// Exponential averages of the gradient and of its square, per image; empty where they are not needed.
  private var mean, square: [[Float]]
  private var taken: [Int]

  // Kingma and Ba: "Adam", arXiv 1412.6980.
  private static let meanDecay: Float = 0.9, squareDecay: Float = 0.999

  init(_ settings: AscentSettings, images: Int, size: Int) {
    self.settings = settings
    let zeros = [Float](repeating: 0, count: size)
    let hasMean = settings.rule == .adam || settings.momentum > 0
    mean = [[Float]](repeating: hasMean ? zeros : [], count: images)
    square = [[Float]](repeating: settings.rule == .adam ? zeros : [], count: images)
    taken = [Int](repeating: 0, count: images)
  }

  /// Takes one step down the gradient g with the `size` parameters x of image n.
  mutating func advance(
    _ x: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, size: Int, image n: Int, step: Int
  ) {
    let length = settings.stepSize(at: step)
    taken[n] += 1
    if settings.rule == .adam {
      let (b1, b2) = (Stepping.meanDecay, Stepping.squareDecay)
      let (c1, c2) = (1 - pow(b1, Float(taken[n])), 1 - pow(b2, Float(taken[n])))
      rt_step_adam(x, g, &mean[n], &square[n], b1, b2, Float(length) / c1, 1 / c2, size)
      return
    }
    if settings.momentum > 0 {
      let share = Float(settings.momentum)
      rt_scale(&mean[n], share, size)
      rt_add_scaled(&mean[n], g, 1 - share, size)
      // Without bias towards the zeros that the average began with.
      rt_copy(g, mean[n], size)
      rt_scale(g, 1 / (1 - pow(share, Float(taken[n]))), size)
    }
    let norm = rt_sum_squares(g, size).squareRoot()
    switch settings.rule {
    case .normalised: rt_add_scaled(x, g, Float(-length / (norm + 1e-10)), size)
    case .sign: rt_step_sign(x, g, Float(length), size)
    case .plain: rt_add_scaled(x, g, Float(-length), size)
    case .adam: break
    }
  }
}

extension AscentSettings {
  /// The step size: from `stepSize` at the first step to `finalStepSize` at the last, along half a cosine.
  package func stepSize(at step: Int) -> Double {
    guard let finalStepSize else { return stepSize }
    let done = steps > 1 ? Double(step) / Double(steps - 1) : 1
    return finalStepSize + (stepSize - finalStepSize) * 0.5 * (1 + cos(Double.pi * done))
  }
}
