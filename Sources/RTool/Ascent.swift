import CRTool

/// How to follow the gradient of an objective. See `rtool_ascent`: what has no name of its own here is reached through
/// `fields`.
public struct Ascent {
  public enum Rule: UInt32, Sendable {
    case normalised, sign, plain, adam
  }

  /// Where the images stay, around their centres; always within 0...1.
  public enum ConstraintSet: Sendable {
    case box
    case l2(radius: Double)
    case linf(radius: Double)
  }

  /// What is stepped in. With Fourier coefficients the set must be the box, and all pixels free.
  public enum Parameters: UInt32, Sendable {
    case pixels, fourier
  }

  public var fields = rtool_ascent()
  /// One for each start, or empty for the start itself.
  public var centres: [Image] = []
  /// How far each pixel may move, one mask for each start, or empty for all of it.
  public var free: [Image] = []
  public var note: String?

  public init(steps: Int, stepSize: Double) {
    fields.progress_to = 1
    self.steps = steps
    self.stepSize = stepSize
  }

  public var steps: Int {
    get { Int(fields.steps) }
    set { fields.steps = Int32(newValue) }
  }
  public var stepSize: Double {
    get { fields.step_size }
    set { fields.step_size = newValue }
  }
  /// The step size falls to this along half a cosine; 0: it stays.
  public var finalStepSize: Double {
    get { fields.final_step_size }
    set { fields.final_step_size = newValue }
  }
  public var rule: Rule {
    get { Rule(rawValue: fields.rule) ?? .normalised }
    set { fields.rule = newValue.rawValue }
  }
  public var set: ConstraintSet {
    get {
      switch Int(fields.set) {
      case RTOOL_SET_L2: .l2(radius: fields.radius)
      case RTOOL_SET_LINF: .linf(radius: fields.radius)
      default: .box
      }
    }
    set {
      switch newValue {
      case .box: (fields.set, fields.radius) = (UInt32(RTOOL_SET_BOX), 0)
      case .l2(let radius): (fields.set, fields.radius) = (UInt32(RTOOL_SET_L2), radius)
      case .linf(let radius): (fields.set, fields.radius) = (UInt32(RTOOL_SET_LINF), radius)
      }
    }
  }
  public var parameters: Parameters {
    get { Parameters(rawValue: fields.parameters) ?? .pixels }
    set { fields.parameters = newValue.rawValue }
  }
  /// The last ReLU before pooling passes its gradient unchanged.
  public var passLastReLU: Bool {
    get { has(RTOOL_ASCENT_PASS_RELU) }
    set { set(RTOOL_ASCENT_PASS_RELU, newValue) }
  }
  /// The outcome is the iterate of least loss.
  public var keepBest: Bool {
    get { has(RTOOL_ASCENT_BEST) }
    set { set(RTOOL_ASCENT_BEST, newValue) }
  }
  /// The images are to tile: beyond their border they go on at their other side.
  public var wraps: Bool {
    get { has(RTOOL_ASCENT_WRAP) }
    set { set(RTOOL_ASCENT_WRAP, newValue) }
  }
  /// Sigma of the Gaussian that smooths the gradient, in pixels.
  public var gradientBlur: Double {
    get { fields.gradient_blur }
    set { fields.gradient_blur = newValue }
  }
  /// What of the gradient is smoother than this sigma, in pixels, is taken away: colour and shading stay.
  public var gradientTrend: Double {
    get { fields.gradient_trend }
    set { fields.gradient_trend = newValue }
  }
  /// Share of the gradient's colour that is taken away, 0...1.
  public var chromaDamping: Double {
    get { fields.chroma_damping }
    set { fields.chroma_damping = newValue }
  }
  /// The gradient is followed at so many resolutions at once.
  public var levels: Int {
    get { Int(fields.levels) }
    set { fields.levels = Int32(newValue) }
  }
  /// Ends once every image's loss is at most this.
  public var stopLoss: Double? {
    get { has(RTOOL_ASCENT_STOP_BELOW) ? fields.stop_loss : nil }
    set {
      set(RTOOL_ASCENT_STOP_BELOW, newValue != nil)
      fields.stop_loss = newValue ?? 0
    }
  }
  /// A trial whose images are nobody's: those who watch do not see it.
  public var isTrial: Bool {
    get { has(RTOOL_ASCENT_TRIAL) }
    set { set(RTOOL_ASCENT_TRIAL, newValue) }
  }
  /// Where the first of the images lies in the task's first image, in pixels of that one, for those who watch; nil: it is
  /// the whole.
  public var place: Box? {
    get {
      if fields.place_width == 0 { return nil }
      return Box(
        x: Int(fields.place_x), y: Int(fields.place_y), width: Int(fields.place_width),
        height: Int(fields.place_height))
    }
    set {
      (fields.place_x, fields.place_y) = (Int32(newValue?.x ?? 0), Int32(newValue?.y ?? 0))
      (fields.place_width, fields.place_height) = (
        Int32(newValue?.width ?? 0), Int32(newValue?.height ?? 0)
      )
    }
  }
  /// The part of the task's progress that this ascent is.
  public var progress: ClosedRange<Double> {
    get { fields.progress_from...fields.progress_to }
    set { (fields.progress_from, fields.progress_to) = (newValue.lowerBound, newValue.upperBound) }
  }

  private func has(_ flag: Int) -> Bool { fields.flags & UInt32(flag) != 0 }

  private mutating func set(_ flag: Int, _ isOn: Bool) {
    if isOn { fields.flags |= UInt32(flag) } else { fields.flags &= ~UInt32(flag) }
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
    var bridged = ascent.fields
    bridged.struct_size = UInt32(MemoryLayout<rtool_ascent>.size)
    bridged.start = try copied(starts)
    bridged.count = UInt32(starts.count)
    bridged.centre = try copied(ascent.centres)
    bridged.free = try copied(ascent.free)
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
