import Glibc

/// What a run does when: the sizes of its images one after the other, and the step size, which rises linearly
/// and then falls by a cosine (Loshchilov, Hutter: arXiv 1608.03983).
package struct Schedule: Sendable, Equatable {
  /// Images of one size.
  package struct Phase: Sendable, Equatable {
    package let side: Int
    /// The share of all steps; the shares of all phases add up to 1.
    package let share: Double

    package init(side: Int, share: Double) { (self.side, self.share) = (side, share) }
  }

  package let phases: [Phase]
  package let steps: Int
  package let peak: Double
  /// The share of the steps in which the step size rises.
  package let warmUp: Double

  package init(phases: [Phase], steps: Int, peak: Double, warmUp: Double) {
    (self.phases, self.steps, self.peak, self.warmUp) = (phases, steps, peak, warmUp)
  }

  /// The step size of a step, 0..<steps; above 0.
  package func rate(_ step: Int) -> Double {
    let done = (Double(step) + 1) / Double(steps + 1)
    if done < warmUp { return peak * done / warmUp }
    return peak * 0.5 * (1 + cos(Double.pi * (done - warmUp) / (1 - warmUp)))
  }

  /// The side of the images of a step.
  package func side(_ step: Int) -> Int {
    for (phase, end) in zip(phases, ends) where step < end { return phase.side }
    return phases.last!.side
  }

  /// How many of the first `done` steps belong to each of the phases.
  package func steps(ofFirst done: Int) -> [Int] {
    zip([0] + ends, ends).map { min($1, done) - min($0, done) }
  }

  /// The step behind the last of each phase.
  private var ends: [Int] {
    var end = 0.0
    let ends = phases.map { phase in
      end += phase.share
      return Int((end * Double(steps)).rounded())
    }
    return ends.dropLast() + [steps]
  }

  /// The largest of the sides.
  package var largest: Int { phases.map(\.side).max()! }
}
