import CRTool
import RobustRuntime

/// Ascents of the plugin interface, carried out by the runtime.
extension Run {
  func ascend(
    _ classifier: Classifier, _ objective: UnsafePointer<rtool_objective>?,
    _ pointer: UnsafePointer<rtool_ascent>?,
    _ outcome: UnsafeMutablePointer<rtool_outcome>?
  ) throws -> Int32 {
    guard let ascent = Growth.read(pointer, into: rtool_ascent(), atLeast: Growth.ascent),
      let starts = ascent.start, ascent.count > 0, ascent.count <= 4096, let outcome,
      var filled = Growth.read(outcome, into: rtool_outcome(), atLeast: Growth.outcome)
    else { throw Failure.misuse("an ascent needs its sizes filled in and at least one image to start from") }
    let count = Int(ascent.count)
    let start = try ImageBatch(starts, count: count, role: "starts of an ascent")

    guard ascent.step_size >= 0, ascent.steps >= 0 else {
      throw Failure.misuse("an ascent has \(ascent.steps) steps of length \(ascent.step_size)")
    }
    if Int(ascent.parameters) == RTOOL_PARAMETERS_FOURIER, ascent.free != nil {
      throw Failure.usage(
        "--parametrisation fourier moves every pixel, and a mask keeps some; leave out one of them")
    }
    var settings = AscentSettings(steps: Int(ascent.steps), stepSize: ascent.step_size)
    settings.finalStepSize = ascent.final_step_size > 0 ? ascent.final_step_size : nil
    settings.rule = try rule(ascent.rule)
    settings.set = try set(ascent.set, radius: ascent.radius)
    settings.centre = try ascent.centre.map { try ImageBatch($0, count: count, role: "centres of an ascent") }
    settings.free = try ascent.free.map { try Region($0, count: count, role: "free pixels of an ascent") }
    settings.gradientBlur = ascent.gradient_blur
    settings.gradientTrend = ascent.gradient_trend
    settings.chromaDamping = ascent.chroma_damping
    settings.jitter = Int(ascent.jitter)
    settings.zoom = ascent.zoom
    settings.noise = ascent.noise
    settings.momentum = ascent.momentum
    settings.levels = max(1, Int(ascent.levels))
    settings.parameters = try parameters(ascent.parameters)
    settings.stopLoss = ascent.flags & UInt32(RTOOL_ASCENT_STOP_BELOW) != 0 ? ascent.stop_loss : nil
    settings.patience = Int(ascent.patience)
    settings.passReLU = ascent.flags & UInt32(RTOOL_ASCENT_PASS_RELU) != 0
    settings.boundary = ascent.flags & UInt32(RTOOL_ASCENT_WRAP) != 0 ? .wrapped : .mirrored
    settings.best = ascent.flags & UInt32(RTOOL_ASCENT_BEST) != 0
    settings.seed = seed

    let place = try Iterate.Place(
      x: ascent.place_x, y: ascent.place_y, width: ascent.place_width, height: ascent.place_height)
    let isSeen = ascent.flags & UInt32(RTOOL_ASCENT_TRIAL) == 0
    let from = ascent.progress_from.isFinite ? ascent.progress_from : 0
    let to = ascent.progress_to > from ? ascent.progress_to : 1
    let note = ascent.note.map { String(of: $0) + " " } ?? ""
    var isCut = false
    let result = try classifier.ascend(
      from: start, objective: self.objective(objective, classifier.facts), settings: settings
    ) { progress in
      if isSeen {
        noteStep(progress.step, loss: progress.loss, probability: progress.classProbability, at: place) {
          progress.images.floatImage(0)
        }
      }
      let fraction = from + (to - from) * Double(progress.step) / Double(max(1, progress.total))
      return report(
        fraction, "\(note)step \(progress.step)/\(progress.total), loss \(shortText(progress.loss))")
    } isFinishing: {
      isCut = console.isFinishing()
      return isCut
    }
    if isCut { noteEarlyEnd() }
    if result.stopped { return Int32(RTOOL_STOPPED) }
    if isSeen { noteEnd(at: place) { result.images.floatImage(0) } }
    filled.count = ascent.count
    filled.images = UnsafePointer(try newImages(result.images))
    filled.start_losses = UnsafePointer(try copy(result.startLosses))
    filled.losses = UnsafePointer(try copy(result.losses))
    Growth.write(filled, to: outcome, size: Int(filled.struct_size))
    return Int32(RTOOL_OK)
  }

  private func rule(_ rule: UInt32) throws -> StepRule {
    switch Int(rule) {
    case RTOOL_RULE_NORMALISED: return .normalised
    case RTOOL_RULE_SIGN: return .sign
    case RTOOL_RULE_PLAIN: return .plain
    case RTOOL_RULE_ADAM: return .adam
    default: throw Failure.misuse("an ascent has the unknown step rule \(rule)")
    }
  }

  private func parameters(_ parameters: UInt32) throws -> AscentParameters {
    switch Int(parameters) {
    case RTOOL_PARAMETERS_PIXELS: return .pixels
    case RTOOL_PARAMETERS_FOURIER: return .fourier
    default: throw Failure.misuse("an ascent has the unknown parameters \(parameters)")
    }
  }

  private func set(_ set: UInt32, radius: Double) throws -> ConstraintSet {
    guard radius.isFinite, radius >= 0 else { throw Failure.misuse("an ascent has the radius \(radius)") }
    switch Int(set) {
    case RTOOL_SET_BOX: return .box
    case RTOOL_SET_L2: return .l2(radius: radius)
    case RTOOL_SET_LINF: return .linf(radius: radius)
    default: throw Failure.misuse("an ascent has the unknown set \(set)")
    }
  }

  /// Shows how far the task is; false when the user wants to stop.
  func report(_ fraction: Double, _ note: String?) -> Bool {
    let done = Double(part.index) + min(max(fraction.isNaN ? 0 : fraction, 0), 1)
    console.show(done / Double(part.count), note)
    return !console.isInterrupted()
  }
}

/// Four digits are enough to see a loss fall.
func shortText(_ number: Double) -> String {
  guard number != 0, number.isFinite, abs(number) < 1e6 else { return "\(number)" }
  var scale = 1.0
  while abs(number) * scale < 1000 && scale < 1e8 { scale *= 10 }
  return "\((number * scale).rounded() / scale)"
}
