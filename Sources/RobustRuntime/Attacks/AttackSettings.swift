/// Which perturbations of an image are tried to have it misclassified.
public struct AttackSettings: Sendable, Equatable {
  public enum Method: String, Sendable, CaseIterable {
    /// Projected gradient descent with steps of one length.
    case pgd
    /// Projected gradient descent with momentum, and steps that are halved by what they reach (APGD).
    case apgd
    /// The targeted search for the nearest boundary (FAB).
    case fab
    /// APGD with the cross-entropy, then APGD with the targeted logit ratio, then FAB, each where those
    /// before it failed: AutoAttack without its black-box part. (Croce and Hein, arXiv 2003.01690.)
    case ensemble
  }

  public enum Loss: String, Sendable, CaseIterable {
    case crossEntropy = "ce"
    /// The largest other logit less that of the label.
    case margin
    /// A loss for each of the most likely other classes in turn: with `pgd` the difference of their logit and that
    /// of the label, with `apgd` its ratio to the spread of the logits, where there are four classes.
    case targeted
  }

  public var method: Method
  public var norm: PerturbationNorm
  /// The largest perturbation, for values in 0...1; positive.
  public var radius: Double
  /// Steps of a run; positive.
  public var steps: Int
  /// The step size of `pgd`; nil: 2.5 radius / steps, and for fewer than two steps 1.25 radius. So any point of the
  /// ball is in reach, and the boundary is met well before the end (Madry et al., arXiv 1706.06083); 20 steps are
  /// of radius / 8.
  public var stepSize: Double?
  /// Runs with random starts of their own, at least 1; with `fab` the first starts at the image.
  public var restarts = 1
  /// The loss of `pgd` and `apgd`; `fab` and `ensemble` have their own.
  public var loss = Loss.crossEntropy
  /// Whether `pgd` starts within the ball, else at the image; the others have no choice.
  public var startsAtRandom = true
  /// The most classes that targeted runs aim at.
  public var targets = 9
  /// The seed of random starts.
  public var seed: UInt64 = 0

  public init(_ method: Method = .pgd, norm: PerturbationNorm = .l2, radius: Double, steps: Int) {
    (self.method, self.norm, self.radius, self.steps) = (method, norm, radius, steps)
  }

  /// The length of a step of `pgd`.
  public var effectiveStepSize: Double { stepSize ?? radius * min(2.5 / Double(steps), 1.25) }

  /// - Throws: `RuntimeError.invalid`
  func check() throws {
    guard radius.isFinite, radius > 0 else {
      throw RuntimeError.invalid("the radius of an attack must be positive, not \(radius)")
    }
    guard steps > 0, restarts > 0, targets > 0 else {
      throw RuntimeError.invalid("an attack needs a step, a start and a target at least")
    }
    if let stepSize, !(stepSize.isFinite && stepSize > 0) {
      throw RuntimeError.invalid("the step of an attack must be positive, not \(stepSize)")
    }
  }
}
