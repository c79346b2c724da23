import Datasets
import Glibc
import Imaging
import RobustRuntime

/// One run of `rtool train`, from its beginning or its state to the model.
final class TrainingRun {
  private let options: TrainingOptions
  private let data: TrainingData
  private let order: PhotoOrder
  private let model: TrainableModel
  private let log: TrainingLog
  private let schedule: Schedule
  private var position: TrainingPosition
  private var trainer: Trainer?
  private var epochOrder: (epoch: Int, photos: [Int])?
  private var pixels: [Float] = []
  private var lastSave = monotonicSeconds()
  /// Whether there is a state of this run.
  private var hasState: Bool
  private var hasWarnedOfLog = false

  // MARK: Beginning and going on

  static func begin(_ options: TrainingOptions, _ values: OptionValues) throws {
    let threads = configureRuntime(threads: options.threads)
    try configureRuntime(precision: options.precision)
    let files = TrainingFiles(options)
    try files.check()
    try files.checkNoRunIsLost()
    if options.seedRank > 0 { try requireSeedLibrary() }
    // Reading photos may take long.
    if let initial = options.initial { _ = try ModelSearch.facts(ModelSearch.find(initial)) }
    let data = try TrainingData(options)
    let batch = min(options.batch, data.training.count)
    if batch < options.batch {
      Terminal.warn(
        "--batch \(options.batch) is more than the \(batch) photos to learn from; it becomes \(batch)")
    }
    if data.selection.count == 0 {
      Terminal.warn(
        "no photo is held out to choose by, so the last average becomes the model; see --held-out")
    }
    let (model, initialModel) = try TrainingStart.model(options, data)
    var position = TrainingPosition(
      options: TrainingStart.recorded(values), data: data.identity, classes: data.photos.classes,
      initialModel: initialModel, batch: batch, steps: 1, eps: options.eps,
      attackSteps: options.trainer.attack.steps)
    if let hours = options.hours {
      position.steps = try TrainingStart.steps(
        within: hours * 3600, model, options, data.training, batch: batch)
    } else {
      let photos = options.epochs * Double(data.training.count)
      position.steps = max(Int((photos / Double(batch)).rounded(.up)), 1)
    }
    let log = try TrainingLog(options.logPath)
    let run = TrainingRun(options, data, model, position, log, hasState: false)
    run.say(
      "\(model.facts.architecture), \(model.parameterCount) parameters, \(data.photos.classes.count) classes; "
        + "\(data.training.count) photos to learn from, \(data.selection.count) to choose by, "
        + "\(data.report.count) to report on; \(position.steps) steps of \(batch), threads: \(threads)")
    try run.toTheEnd(json: values[TrainOption.json])
  }

  static func resume(_ path: String, _ values: OptionValues) throws {
    guard let bytes = FileBytes.ofRegularFile(path) else {
      throw Failure.failed("there is no state file \(path) that can be read")
    }
    var position = try bytes.withUnsafeBytes { try TrainingPosition(state: $0, file: path) }
    try TrainingStart.merge(values, state: path, into: &position)
    let options = try TrainingOptions(
      OptionValues(ParsedArguments(texts: position.options), TrainOption.parameters))
    guard options.output != nil else {
      throw Failure.failed("\(path): the state does not name the model to write; say --output FILE")
    }
    _ = configureRuntime(threads: options.threads)
    try configureRuntime(precision: options.precision)
    try TrainingFiles(options).check()
    if options.seedRank > 0 { try requireSeedLibrary() }
    let data = try TrainingData(options)
    guard data.identity == position.data, data.photos.classes == position.classes else {
      throw Failure.failed(
        "\(path): the state of a run on other photos; name the same ones, wherever they are now, "
          + "or begin a run with --init")
    }
    let model = try bytes.withUnsafeBytes { try TrainingState.model($0, file: path) }
    guard model.facts.classes == position.classes else {
      throw Failure.failed("\(path): the network in the state has other classes than the run")
    }
    for layer in options.frozen { _ = model.parameters.freeze(layer) }
    let log = try TrainingLog(options.logPath, after: position.loggedStep)
    let run = TrainingRun(options, data, model, position, log, hasState: true)
    if values[TrainOption.finish] {
      try run.finish(json: values[TrainOption.json])
    } else {
      run.say("going on after step \(position.step) of \(position.steps)")
      try run.toTheEnd(json: values[TrainOption.json])
    }
  }

  /// Fails now, rather than after hours of training, if the library that seeds need is missing.
  private static func requireSeedLibrary() throws {
    do {
      try SeedEstimation.requireLibrary()
    } catch {
      throw Failure.failed("seeds cannot be made: \(error), or train without seeds (--seed-rank 0)")
    }
  }

  private init(
    _ options: TrainingOptions, _ data: TrainingData, _ model: TrainableModel, _ position: TrainingPosition,
    _ log: TrainingLog, hasState: Bool
  ) {
    (self.options, self.data, self.model, self.position) = (options, data, model, position)
    (self.log, self.hasState) = (log, hasState)
    order = PhotoOrder(labels: data.training.labels, seed: options.seed)
    schedule = Schedule(
      phases: options.phases, steps: position.steps, peak: options.peak(batch: position.batch),
      warmUp: options.warmUp)
  }

  private func say(_ line: String) { if !options.isQuiet { Terminal.say(line) } }

  // MARK: Steps

  private func toTheEnd(json: Bool) throws {
    do {
      try takeSteps()
      try saveOrWarn()
    } catch RuntimeError.notFinite(let problem) {
      throw diverged(problem)
    }
    try finish(json: json)
  }

  private func takeSteps() throws {
    if !options.isQuiet { ProgressBar.shared.begin("training") }
    defer { ProgressBar.shared.end() }
    let photosBetween = options.evaluateEpochs * Double(data.training.count)
    let between = max(Int(min(photosBetween / Double(position.batch), 1e15)), 1)
    let logged = min(max(position.steps / 1000, 1), between)
    while true {
      let isEvaluated = position.step == position.steps || position.step % between == 0
      if position.step > position.evaluatedStep, isEvaluated {
        try evaluate()
      } else if position.step > position.loggedStep, !isEvaluated, position.step % logged == 0 {
        append(row())
      }
      if Interrupt.isRequested { throw try stopped() }
      if position.step == position.steps { return }
      if monotonicSeconds() - lastSave > options.saveSeconds { try saveOrWarn() }
      try step()
    }
  }

  private func step() throws {
    let start = monotonicSeconds()
    let side = schedule.side(position.step)
    let trainer = try trainer(side: side)
    let (pixels, labels) = load(side: side)
    let loaded = monotonicSeconds()
    let outcome = try trainer.step(
      pixels, labels: labels, rate: schedule.rate(position.step), step: position.step,
      random: (options.seed, 0x6E6F_6973 << 36 | UInt64(position.photosSeen)))
    let end = monotonicSeconds()
    position.step += 1
    position.photosSeen += position.batch
    position.seconds += end - start
    position.loadingSeconds += loaded - start
    position.sums.loss += outcome.loss
    position.sums.correct += outcome.correct
    position.sums.photos += position.batch
    position.sums.steps += 1
    position.sums.seconds += end - start
    let sums = position.sums
    let speed = Double(sums.photos) / max(sums.seconds, 1e-9)
    let held = position.choice.best.map { ", held out \(percent($0.clean)) / \(percent($0.robust))" } ?? ""
    ProgressBar.shared.show(
      position.done, "loss \(rounded(sums.loss / Double(sums.steps), 3)), \(Int(speed)) photos/s\(held)")
  }

  private func trainer(side: Int) throws -> Trainer {
    var settings = options.trainer
    settings.attack.steps = position.attackSteps
    // A radius in L2 grows with the side.
    let share = settings.attack.norm == .l2 ? Double(side) / Double(schedule.largest) : 1
    settings.attack.eps = position.eps * share
    if let size = options.trainer.attack.stepSize { settings.attack.stepSize = size * share }
    if let trainer, trainer.side == side {
      trainer.settings = settings
      return trainer
    }
    trainer = nil
    let new = try Trainer(model, settings: settings, images: position.batch, side: side)
    trainer = new
    return new
  }

  /// The next batch, of views drawn by seed, epoch and photo.
  private func load(side: Int) -> ([Float], [Int]) {
    var chosen: [(photo: Int, epoch: Int, place: Int)] = []
    while chosen.count < position.batch {
      if epochOrder?.epoch != position.epoch { epochOrder = (position.epoch, order.epoch(position.epoch)) }
      let all = epochOrder!.photos
      if position.shown >= all.count {
        (position.epoch, position.shown) = (position.epoch + 1, 0)
        continue
      }
      chosen.append((all[position.shown], position.epoch, position.shown))
      position.shown += 1
    }
    let stride = 3 * side * side
    if pixels.count != chosen.count * stride { pixels = [Float](repeating: 0, count: chosen.count * stride) }
    let training = data.training
    pixels.withUnsafeMutableBufferPointer { buffer in
      let out = Destination(base: buffer.baseAddress!)
      Workers.shared.run(chosen.count) { k, _ in
        training.photos.withPhoto(training.indices[chosen[k].photo]) {
          options.augmentation.apply(
            to: $0, size: side, seed: options.seed, epoch: chosen[k].epoch, index: chosen[k].place,
            out: out.base + k * stride)
        }
      }
    }
    return (pixels, chosen.map { training.labels[$0.photo] })
  }

  private struct Destination: @unchecked Sendable { let base: UnsafeMutablePointer<Float> }

  // MARK: Looking at the averages

  /// Measures the average on the selection part, keeps it if it is the best, and acts on what it shows.
  private func evaluate() throws {
    let isRobust = options.isRobust
    var measured: AverageChoice.Measurement?
    var note: String?
    if data.selection.count > 0 {
      let attacks = isRobust ? [10, 1].map { attack(steps: $0) } : []
      guard let outcomes = try outcomes(.averages, on: data.selection, attacks) else {
        throw try stopped()
      }
      let counts = RobustEvaluation.Counts(outcomes, attacks: attacks.count)
      let clean = counts.cleanAccuracy
      let found = AverageChoice.Measurement(
        step: position.step, clean: clean, robust: isRobust ? counts.robustAccuracy(0) : clean,
        oneStep: isRobust ? counts.robustAccuracy(1) : clean)
      note = act(on: found)
      measured = found
    } else {
      model.parameters.copy(.averages, to: .best)
    }
    position.evaluatedStep = position.step
    var row = row()
    row.cleanAccuracy = measured?.clean
    if isRobust { (row.robustAccuracy, row.oneStepAccuracy) = (measured?.robust, measured?.oneStep) }
    row.note = note
    append(row)
    var parts = ["loss \(rounded(row.loss, 3))"]
    if let measured { parts.append("held out \(percent(measured.clean))") }
    if let measured, isRobust { parts.append("under attack \(percent(measured.robust))") }
    parts.append("\(Int(row.imagesPerSecond)) photos/s")
    parts.append("\(percent(position.loadingSeconds / max(position.seconds, 1e-9))) of the time reading")
    if options.wanted != nil { parts.append("eps \(rounded(position.eps, 3))") }
    say("epoch \(rounded(row.epoch, 2)): " + parts.joined(separator: ", "))
  }

  /// - Returns: what is to be noted in the log.
  private func act(on found: AverageChoice.Measurement) -> String? {
    if let wanted = options.wanted {
      position.eps = wanted.next(position.eps, measured: found.robust, done: position.done)
    }
    let before = position.choice.best
    switch position.choice.judge(found, attackSteps: position.attackSteps, photos: data.selection.count) {
    case .worse: return nil
    case .best:
      model.parameters.copy(.averages, to: .best)
      return nil
    case .failed:
      model.returnToBest()
      position.attackSteps = 3
      let note =
        "one-step training failed: accuracy under 10 steps fell from \(percent(before?.robust ?? 0)) to "
        + "\(percent(found.robust)) while that under one rose; going on from the average of step "
        + "\(position.bestStep) with three steps"
      Terminal.warn(note)
      return note
    }
  }

  private func attack(steps: Int, restarts: Int = 1) -> AttackSettings {
    var attack = AttackSettings(
      .pgd, norm: options.trainer.attack.norm == .l2 ? .l2 : .linf, radius: options.measuredEps, steps: steps)
    attack.restarts = restarts
    attack.seed = options.seed
    return attack
  }

  /// What became of each photo, at the largest size.
  /// nil: interrupted.
  private func outcomes(
    _ kind: Parameters.Kind, on part: PhotoPart, _ attacks: [AttackSettings],
    progress: (Double) -> Void = { _ in }
  ) throws -> [RobustEvaluation.Outcome]? {
    let side = schedule.largest
    let function = try model.classifier(kind).logitFunction(
      capacity: min(32, part.count), height: side, width: side)
    let outcomes = try RobustEvaluation.outcomes(of: function, on: part.images(side: side), under: attacks) {
      progress($0)
      return !Interrupt.isRequested
    }
    if Interrupt.isRequested { return nil }
    return outcomes.compactMap { $0 }
  }

  // MARK: Files

  private func row() -> TrainingLogRow {
    let sums = position.sums
    return TrainingLogRow(
      step: position.step, epoch: Double(position.photosSeen) / Double(data.training.count),
      seconds: position.seconds, imagesPerSecond: Double(sums.photos) / max(sums.seconds, 1e-9),
      loss: sums.loss / Double(max(sums.steps, 1)),
      trainAccuracy: Double(sums.correct) / Double(max(sums.photos, 1)),
      learningRate: schedule.rate(position.step - 1), size: schedule.side(position.step - 1),
      eps: position.eps)
  }

  /// A row that cannot be written is no reason to lose a run.
  private func append(_ row: TrainingLogRow) {
    do {
      try log.append(row)
    } catch {
      if !hasWarnedOfLog { Terminal.warn("\(error); rows are missing from here on, training goes on") }
      hasWarnedOfLog = true
    }
    (position.loggedStep, position.sums) = (position.step, TrainingPosition.Sums())
  }

  /// - Throws: `ImagingError`, or `RuntimeError.notFinite`: nothing is worth keeping.
  private func save() throws {
    // Rows must not be missing that the state takes as written.
    log.synchronise()
    let bytes = try TrainingState.bytes(model, texts: position.texts)
    try Output.file(options.statePath).write(bytes)
    hasState = true
  }

  /// A full disk is no reason to lose a run.
  /// - Returns: whether it was saved.
  /// - Throws: `RuntimeError.notFinite`: there is nothing worth saving.
  @discardableResult
  private func saveOrWarn() throws -> Bool {
    defer { lastSave = monotonicSeconds() }
    do {
      try save()
      return true
    } catch RuntimeError.notFinite(let problem) {
      throw RuntimeError.notFinite(problem)
    } catch {
      let before = hasState ? "the state before it stays" : "there is none yet"
      Terminal.warn("the state was not saved, \(before): \(error)")
      return false
    }
  }

  /// Saves, and tells how to go on.
  private func stopped() throws -> Failure {
    ProgressBar.shared.end()
    if try saveOrWarn() {
      say("stopped after step \(position.step) of \(position.steps); \(resumption("goes on"))")
    }
    return .interrupted
  }

  private func resumption(_ what: String, _ option: String = "") -> String {
    "rtool train --resume \(InfoCommand.quotedForShell(options.statePath))\(option) \(what)"
  }

  private func diverged(_ problem: String) -> Failure {
    let kept =
      hasState
      ? "the state before it is kept, and \(resumption("makes a model of its best average", " --finish"))"
      : "no state had been saved yet"
    return .failed(
      "training diverged at step \(position.step + 1): \(problem); begin again with a lower --rate than "
        + "\(numberText(schedule.peak)); \(kept)")
  }

  private func finish(json: Bool) throws {
    if position.choice.best == nil { model.parameters.copy(.averages, to: .best) }
    let attacks = options.isRobust ? [attack(steps: 20, restarts: 5)] : []
    var measured: [RobustEvaluation.Outcome]?
    if data.report.count > 0 {
      say("measuring the average of step \(position.bestStep) on \(data.report.count) photos")
      if !options.isQuiet { ProgressBar.shared.begin("measuring") }
      measured = try outcomes(.best, on: data.report, attacks) { ProgressBar.shared.show($0, nil) }
      ProgressBar.shared.end()
      if measured == nil { throw Failure.interrupted }
    }
    let result = TrainedModel(
      options: options, position: position, schedule: schedule, model: model, data: data, outcomes: measured,
      attack: attacks.first)
    try result.write(log: log)
    say(result.summary)
    if json { try Terminal.print(encodedJSON(result.report) + "\n") }
  }
}

/// With so many decimals.
func rounded(_ value: Double, _ places: Int) -> String {
  guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
  var scale = 1
  for _ in 0..<places { scale *= 10 }
  let whole = Int((abs(value) * Double(scale)).rounded())
  let digits = String(whole % scale)
  let sign = value < 0 && whole > 0 ? "-" : ""
  let rest = places == 0 ? "" : "." + String(repeating: "0", count: places - digits.count) + digits
  return "\(sign)\(whole / scale)\(rest)"
}
