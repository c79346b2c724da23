/// Which average of a run becomes the model, and whether training with one step still works.
///
/// Training with attacks of one step can fail suddenly (Wong, Rice and Kolter, arXiv 2001.03994): the network
/// learns to mislead the one step, so that accuracy under several steps falls while that under one rises.
package struct AverageChoice: Codable, Sendable, Equatable {
  /// Shares of held-out photos that an average classifies rightly, 0...1.
  package struct Measurement: Codable, Sendable, Equatable {
    /// Training steps that had been taken.
    package var step: Int
    package var clean: Double
    /// The share under an attack of several steps; without attacks, `clean`.
    package var robust: Double
    /// The share under an attack of one step; without attacks, `clean`.
    package var oneStep: Double

    package init(step: Int, clean: Double, robust: Double, oneStep: Double) {
      (self.step, self.clean, self.robust, self.oneStep) = (step, clean, robust, oneStep)
    }
  }

  package enum Verdict: Sendable, Equatable {
    /// The average is the best so far.
    case best
    case worse
    /// Training with one step has failed: the best so far is to be gone back to.
    case failed
  }

  package private(set) var best: Measurement?

  package init() {}

  /// Judges the next average, which becomes the best unless accuracy under several steps, or that of clean
  /// photos where it is the same, has fallen.
  /// - Parameters:
  ///   - attackSteps: of the training's attack.
  ///   - photos: how many were measured.
  package mutating func judge(_ next: Measurement, attackSteps: Int, photos: Int) -> Verdict {
    guard let best else {
      self.best = next
      return .best
    }
    if attackSteps == 1, Self.hasFailed(next, after: best, photos: photos) { return .failed }
    guard (next.robust, next.clean) >= (best.robust, best.clean) else { return .worse }
    self.best = next
    return .best
  }

  /// The share of the best accuracy whose loss is a failure.
  private static let fall = 0.3
  /// The number of standard deviations of so few photos that the loss must be as well.
  private static let deviations = 3.0

  private static func hasFailed(_ next: Measurement, after best: Measurement, photos: Int) -> Bool {
    let deviation = (best.robust * (1 - best.robust) / Double(max(photos, 1))).squareRoot()
    return best.robust - next.robust > max(fall * best.robust, deviations * deviation)
      && next.oneStep > best.oneStep
  }
}
