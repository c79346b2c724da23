import CRTool

/// How to follow the gradient of an objective. See `rtool_ascent`.
public struct Ascent {
  public enum Rule: Int, Sendable {
    case normalised, sign, plain, adam
  }

  /// Where the images stay, around their centres; always within 0...1.
  public enum ConstraintSet: Sendable {
    case box
    case l2(radius: Double)
    case linf(radius: Double)
  }

  /// What is stepped in. With Fourier coefficients the set must be the box, and all pixels free.
  public enum Parameters: Int, Sendable {
    case pixels, fourier
  }

  public var steps: Int
  public var stepSize: Double
  /// The step size falls to this along half a cosine; nil: it stays.
  public var finalStepSize: Double?
  public var rule = Rule.normalised
  public var set = ConstraintSet.box
  /// One for each start, or empty for the start itself.
  public var centres: [Image] = []
  /// How far each pixel may move, one mask for each start, or empty for all of it.
  public var free: [Image] = []
  public var passLastReLU = false
  public var keepBest = false
  /// Sigma of the Gaussian that smooths the gradient, in pixels.
  public var gradientBlur = 0.0
  /// What of the gradient is smoother than this sigma, in pixels, is taken away: colour and shading stay.
  public var gradientTrend = 0.0
  /// Share of the gradient's colour that is taken away, 0...1.
  public var chromaDamping = 0.0
  public var jitter = 0
  /// Each step sees a random part of the image, enlarged by up to 1 + zoom.
  public var zoom = 0.0
  /// Standard deviation of the noise that each step sees.
  public var noise = 0.0
  /// Share of the gradients before in the one that is followed.
  public var momentum = 0.0
  /// The gradient is followed at so many resolutions at once.
  public var levels = 1
  public var parameters = Parameters.pixels
  /// Ends once every image's loss is at most this.
  public var stopLoss: Double?
  /// Ends when no loss has come down by 0.1 % in so many steps; 0: never.
  public var patience = 0
  /// The part of the task's progress that this ascent is.
  public var progress = 0.0...1.0
  public var note: String?

  public init(steps: Int, stepSize: Double) {
    self.steps = steps
    self.stepSize = stepSize
  }
}

public struct Outcome {
  public let images: [Image]
  public let startLosses, losses: [Double]
}

extension Host {
  func objective(_ terms: [Term]) throws -> rtool_objective {
    var objective = rtool_objective()
    objective.struct_size = UInt32(MemoryLayout<rtool_objective>.size)
    objective.term_size = UInt32(MemoryLayout<rtool_term>.stride)
    objective.terms = try copied(terms.map(bridged))
    objective.term_count = UInt32(terms.count)
    return objective
  }

  /// Follows the gradient of the sum of `terms` from `starts`, all of one size and 3 channels.
  public func ascend(_ ascent: Ascent, from starts: [Image], minimising terms: [Term]) throws -> Outcome {
    var objective = try objective(terms)
    var bridged = rtool_ascent()
    bridged.struct_size = UInt32(MemoryLayout<rtool_ascent>.size)
    if ascent.passLastReLU { bridged.flags |= UInt32(RTOOL_ASCENT_PASS_RELU) }
    if ascent.keepBest { bridged.flags |= UInt32(RTOOL_ASCENT_BEST) }
    bridged.start = try copied(starts)
    bridged.count = UInt32(starts.count)
    bridged.steps = Int32(ascent.steps)
    bridged.step_size = ascent.stepSize
    bridged.final_step_size = ascent.finalStepSize ?? 0
    bridged.rule = UInt32(ascent.rule.rawValue)
    switch ascent.set {
    case .box: bridged.set = UInt32(RTOOL_SET_BOX)
    case .l2(let radius): (bridged.set, bridged.radius) = (UInt32(RTOOL_SET_L2), radius)
    case .linf(let radius): (bridged.set, bridged.radius) = (UInt32(RTOOL_SET_LINF), radius)
    }
    bridged.centre = try copied(ascent.centres)
    bridged.free = try copied(ascent.free)
    bridged.gradient_blur = ascent.gradientBlur
    bridged.gradient_trend = ascent.gradientTrend
    bridged.chroma_damping = ascent.chromaDamping
    bridged.jitter = Int32(ascent.jitter)
    bridged.zoom = ascent.zoom
    bridged.noise = ascent.noise
    bridged.momentum = ascent.momentum
    bridged.levels = Int32(ascent.levels)
    bridged.parameters = UInt32(ascent.parameters.rawValue)
    if let stopLoss = ascent.stopLoss {
      bridged.flags |= UInt32(RTOOL_ASCENT_STOP_BELOW)
      bridged.stop_loss = stopLoss
    }
    bridged.patience = Int32(ascent.patience)
    bridged.progress_from = ascent.progress.lowerBound
    bridged.progress_to = ascent.progress.upperBound
    bridged.note = try ascent.note.map(copied)

    var outcome = rtool_outcome()
    outcome.struct_size = UInt32(MemoryLayout<rtool_outcome>.size)
    try check(table.pointee.ascend(table, &objective, &bridged, &outcome))
    let count = Int(outcome.count)
    return Outcome(
      images: (0..<count).map { Image(outcome.images + $0) },
      startLosses: (0..<count).map { outcome.start_losses[$0] },
      losses: (0..<count).map { outcome.losses[$0] })
  }
}
