import CKernels
import PixelGrid

/// How to follow the gradient of an objective downwards, in the pixels.
public struct AscentSettings: Sendable {
  public var steps: Int
  public var stepSize: Double
  /// The step size falls to this along half a cosine; nil: it stays.
  public var finalStepSize: Double?
  public var rule: StepRule = .normalised
  public var set: ConstraintSet = .box
  /// Centre of the set, one image for each of the batch; nil: the start.
  public var centre: ImageBatch?
  /// How freely each pixel moves: multiplies the gradient, before the rule. A pixel with 0 keeps its bits; the
  /// projection then moves the others alone, to the nearest point of the set that they can reach.
  public var free: Region?
  /// Sigma in pixels of a Gaussian that smooths the gradient; 0: none.
  public var gradientBlur: Double = 0
  /// Sigma in pixels: what of the gradient is smoother than this is taken away, so that texture changes but neither
  /// colour nor shading; 0: nothing.
  public var gradientTrend: Double = 0
  /// Share of the gradient's colour (what is not grey) that is taken away, in 0...1.
  public var chromaDamping: Double = 0
  /// What the images are taken to be beyond their ends. Wrapped: they are to tile; each step the network sees them moved to
  /// anywhere, and smoothness and the smoothing of the gradient go on at the other end.
  public var boundary = Boundary.mirrored
  /// Each step the network sees the image moved by up to so many pixels.
  public var jitter: Int = 0
  /// Each step the network sees a random part of the image, enlarged by up to 1 + zoom; in 0...4.
  public var zoom: Double = 0
  /// Standard deviation of normal noise that the network sees on the image, another at each step.
  public var noise: Double = 0
  /// Share of the gradients before in the one that is followed, in 0..<1.
  public var momentum: Double = 0
  /// The gradient is followed at so many resolutions at once, each half the one before, with equal shares: what
  /// steps in a sum of enlarged images do, up to the shape of the filter.
  public var levels: Int = 1
  public var parameters: AscentParameters = .pixels
  /// The ascent ends once the loss of every image is at most this.
  public var stopLoss: Double?
  /// The ascent ends when no image's loss has come down by 0.1 % in so many steps; 0: never.
  public var patience: Int = 0
  /// The last ReLU before pooling passes its gradient unchanged, so that dead features can be raised.
  public var passReLU = false
  /// The outcome is the iterate of least loss, per image, not the last.
  public var best = false
  /// The seed of `jitter`, `zoom` and `noise`.
  public var seed: UInt64 = 0

  public init(steps: Int, stepSize: Double) { (self.steps, self.stepSize) = (steps, stepSize) }
}

/// One step along the gradient g, per image.
public enum StepRule: Sendable {
  /// x − s g / (‖g‖ + 1e-10)
  case normalised
  /// x − s sign(g)
  case sign
  /// x − s g
  case plain
  /// Adam, with decays of 0.9 and 0.999.
  case adam
}

/// What is stepped in.
public enum AscentParameters: Sendable {
  case pixels
  /// Coefficients of an orthonormal real Fourier basis, scaled as the spectra of photos; see `FourierParameters`. The
  /// set must be the box, and all pixels free.
  case fourier
}

/// Where an image must stay, around its centre. All images stay in 0...1 as well.
public enum ConstraintSet: Sendable, Equatable {
  /// Nothing but 0...1.
  case box
  /// ‖x − centre‖₂ ≤ radius, over all pixels and channels of one image.
  case l2(radius: Double)
  /// |x − centre| ≤ radius, each value.
  case linf(radius: Double)
}

/// How far an ascent has come.
public struct AscentProgress: Sendable {
  /// Steps done, 0...total.
  public let step, total: Int
  /// Mean over the batch.
  public let loss: Double
  /// Mean over the batch of the probability of the classes of the first cross-entropy term; nil: there is
  /// none.
  public let classProbability: Double?
  /// The images at this step.
  public let images: ImageBatch
}

/// What came of an ascent.
public struct AscentOutcome: Sendable {
  public let images: ImageBatch
  /// The loss of the start, per image.
  public let startLosses: [Double]
  /// The loss of `images`, per image.
  public let losses: [Double]
  public let stepsDone: Int
  /// Whether the progress function asked to stop.
  public let stopped: Bool
}

extension AscentSettings {
  /// - Throws: `RuntimeError.invalid` if a setting makes no sense or does not fit the images.
  func check(_ start: ImageBatch) throws {
    func require(_ condition: Bool, _ problem: String) throws {
      if !condition { throw RuntimeError.invalid(problem) }
    }
    try require(steps >= 0, "the number of steps is negative")
    try require(stepSize.isFinite, "the step size is not finite")
    try require(finalStepSize?.isFinite ?? true, "the final step size is not finite")
    switch set {
    case .box: break
    case .l2(let radius), .linf(let radius):
      try require(radius >= 0, "the radius is not a number that is at least 0")
    }
    try require(
      gradientBlur >= 0 && gradientBlur <= 1000, "the sigma of the gradient's blur is not in 0...1000")
    try require(
      gradientTrend >= 0 && gradientTrend <= 1000, "the sigma of the gradient's trend is not in 0...1000")
    try require((0...1).contains(chromaDamping), "the damping of the gradient's colour is not in 0...1")
    try require((0...10_000).contains(jitter), "the jitter is not in 0...10000")
    try require((0...4).contains(zoom), "the zoom is not in 0...4")
    try require(noise >= 0 && noise <= 100, "the noise is not in 0...100")
    try require(momentum >= 0 && momentum < 1, "the momentum is not in 0..<1")
    try require((0...12).contains(levels), "the number of resolutions is not in 0...12")
    try require(patience >= 0, "the patience is negative")
    try require(stopLoss?.isNaN != true, "the loss to stop at is not a number")
    if parameters == .fourier {
      try require(
        set == .box && free == nil,
        "steps in Fourier coefficients know no set but the box, and no pixels that are not free")
      try require(
        max(start.height, start.width) <= 4096, "steps in Fourier coefficients need sides of at most 4096")
    }
    if let centre {
      try require(
        (centre.count, centre.height, centre.width) == (start.count, start.height, start.width),
        "the centre is \(centre.count) images of \(centre.width)x\(centre.height), "
          + "the start \(start.count) of \(start.width)x\(start.height)")
    }
    if let free {
      try require(
        (free.height, free.width) == (start.height, start.width)
          && (free.count == 1 || free.count == start.count),
        "the mask of free pixels is \(free.width)x\(free.height), the image \(start.width)x\(start.height)")
    }
    for values in [start.pixels, centre?.pixels, free?.values].compactMap(\.self) {
      try require(rt_all_finite(values, values.count), "an image holds values that are NaN or infinite")
    }
  }
}
