import Datasets
import FoundationEssentials
import Glibc
import Imaging
import RobustRuntime

/// One run of `rtool train`, from its beginning or its state to the model.
final class TrainingRun {
  private let options: TrainingOptions
  private let photos: PhotoSet
  private let training, selection, report: PhotoPart
  private let order: PhotoOrder
  private let model: TrainableModel
  private let log: TrainingLog
  private var position: TrainingPosition
  private let schedule: Schedule
  private var trainer: Trainer?
  private var epochOrder: (epoch: Int, photos: [Int])?
  private var lastSave = monotonicSeconds()
  /// Since the last row of the log.
  private var sums = Sums()

  private struct Sums {
    var loss = 0.0
    var correct = 0, photos = 0, steps = 0
    var seconds = 0.0, loading = 0.0
  }

  // MARK: beginning and going on

  static func begin(_ options: TrainingOptions, _ parsed: ParsedArguments) throws {
    let threads = configureRuntime(threads: options.threads)
    try configureRuntime(precision: options.precision)
    try checkOutputs(options)
    let (photos, test) = try TrainingData.open(options)
    let parts = Parts(photos, test, options)
    let batch = min(options.batch, parts.training.indices.count)
    if batch < options.batch {
      Terminal.warn("--batch \(options.batch) is more than the \(batch) photos to learn from; it becomes \(batch)")
    }
    let (model, initialName) = try startingModel(options, photos, parts.training)
    for layer in options.frozen where model.parameters.freeze(layer) == 0 {
      throw Failure.usage("--freeze \(quoted(layer)): the model has no such layer")
    }
    var position = TrainingPosition(
      words: Array(CommandLine.arguments.dropFirst(2)), folder: FileManager.default.currentDirectoryPath,
      data: parts.identity, classes: photos.classes, initialModel: initialName, mean: model.mean,
      deviation: model.deviation, batch: batch, steps: 0, eps: options.eps,
      attackSteps: options.trainer.attack.steps)
    position.steps = max(Int((options.epochs * Double(parts.training.indices.count) / Double(batch)).rounded(.up)), 1)
    if let hours = options.hours {
      position.steps = try steps(within: hours * 3600, model, options, parts.training, batch: batch)
    }
    let run = try TrainingRun(options, parts, model, position, isNew: true)
    run.say(
      "\(model.facts.architecture), \(model.parameters.entries.filter { $0.role != .statistic }.reduce(0) { $0 + $1.count }) "
        + "parameters, \(photos.classes.count) classes, \(parts.training.indices.count) photos to learn from, "
        + "\(parts.selection.indices.count) to choose by, \(parts.report.indices.count) to report on; "
        + "\(position.steps) steps of \(batch), threads: \(threads)")
    try run.run()
  }

  static func resume(_ path: String, _ parsed: ParsedArguments) throws {
    guard let bytes = FileBytes.ofRegularFile(path) else { throw Failure.failed("there is no state file \(path)") }
    let texts = try bytes.withUnsafeBytes { try TrainingState.texts($0, file: path) }
    guard let text = texts["position"],
      let position = try? JSONDecoder().decode(TrainingPosition.self, from: Data(text.utf8))
    else { throw Failure.failed("\(path): the state does not say where the run stands") }
    // What is given now goes before what was given then.
    var stored = try ParsedArguments(position.words, parameters: TrainCommand.parameters)
    let mayChange = [
      "data", "test", "output", "cache", "cache-limit", "threads", "quiet", "log", "state", "save-every", "resume",
      "finish", "report-photos",
    ]
    if let other = parsed.texts.keys.sorted().first(where: { !mayChange.contains($0) }) {
      throw Failure.usage("--\(other) cannot be changed while a run goes on; begin another one with --init")
    }
    let here = FileManager.default.currentDirectoryPath
    for (name, values) in parsed.texts {
      stored.texts[name] = ["data", "test", "output", "cache", "log", "state"].contains(name)
        ? values.map { absolute($0, in: here) } : values
    }
    if parsed.texts["state"] == nil { stored.texts["state"] = [absolute(path, in: here)] }
    for name in ["data", "test", "output", "cache", "log", "init"] {
      stored.texts[name] = stored.texts[name]?.map {
        name == "init" && !($0.contains("/") || $0.hasSuffix(".safetensors")) ? $0 : absolute($0, in: position.folder)
      }
    }
    let options = try TrainingOptions(stored)
    _ = configureRuntime(threads: options.threads)
    try configureRuntime(precision: options.precision)
    try checkOutputs(options)
    let (photos, test) = try TrainingData.open(options)
    let parts = Parts(photos, test, options)
    guard parts.identity == position.data else {
      throw Failure.failed(
        "\(path): the state of a run on other photos; give the same ones, or begin a run with --init")
    }
    // The weights come from the state, so any of the same shapes will do.
    let model = try startingModel(options, photos, parts.training, statistics: (position.mean, position.deviation)).0
    for layer in options.frozen { _ = model.parameters.freeze(layer) }
    try bytes.withUnsafeBytes { try TrainingState.restore($0, file: path, to: model.parameters) }
    let run = try TrainingRun(options, parts, model, position, isNew: false)
    run.say("going on after step \(position.step) of \(position.steps)")
    if parsed.isOn("finish") { return try run.finish() }
    try run.run()
  }

  private static func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }

  private static func checkOutputs(_ options: TrainingOptions) throws {
    for path in [options.output!, options.statePath, options.logPath] {
      let folder = folder(of: path)
      guard fileExists(folder) else { throw Failure.failed("\(path): there is no folder \(folder)") }
      guard access(folder, W_OK) == 0 else { throw Failure.failed("\(path): no permission to write in \(folder)") }
    }
    guard options.output!.hasSuffix(".safetensors") else {
      throw Failure.usage("--output \(quoted(options.output!)): a model's name ends in .safetensors")
    }
  }

  /// What is learned from, what chooses and what is reported.
  private struct Parts {
    let training, selection, report: PhotoPart
    let identity: String
    let photos: PhotoSet

    init(_ photos: PhotoSet, _ test: PhotoSet?, _ options: TrainingOptions) {
      self.photos = photos
      func part(_ set: PhotoSet, _ indices: [Int]) -> PhotoPart {
        if set === photos { return PhotoPart(set, indices) { set.label($0) } }
        let known = set.restricted(toClasses: photos.classes)
        let labels = Dictionary(uniqueKeysWithValues: zip(known.indices, known.labels))
        return PhotoPart(set, indices.filter { labels[$0] != nil }) { labels[$0]! }
      }
      if let test {
        // Half of the test photos choose, the others are reported on.
        let split = test.split(heldOut: 1)
        training = part(photos, Array(0..<photos.count))
        selection = part(test, split.selection).limited(to: options.selectionPhotos)
        report = part(test, (split.report + split.training).sorted()).limited(to: options.reportPhotos)
        identity = photos.identity + "-" + test.identity
      } else {
        let split = photos.split(heldOut: options.heldOut)
        training = part(photos, split.training)
        selection = part(photos, split.selection).limited(to: options.selectionPhotos)
        report = part(photos, split.report).limited(to: options.reportPhotos)
        identity = photos.identity
      }
    }
  }

  /// The model that a run begins with, and what it is called if it was not made anew.
  private static func startingModel(
    _ options: TrainingOptions, _ photos: PhotoSet, _ training: PhotoPart,
    statistics: (mean: [Float], deviation: [Float])? = nil
  ) throws -> (TrainableModel, String?) {
    if let initial = options.initial {
      let source = try ModelSearch.find(initial)
      let name = try ModelSearch.facts(source).name
      let model = try ModelSearch.withBytes(source) {
        try TrainableModel($0, name: name, classes: photos.classes, seed: options.seed)
      }
      return (model, "\(name) (SHA-256 \(try ModelSearch.digest(source).prefix(12)))")
    }
    let (mean, deviation) = statistics ?? pixelStatistics(training)
    let tensors = options.network.tensors(
      classes: photos.classes.count, mean: mean, deviation: deviation, seed: options.seed)
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: ["stem_stride": "\(options.network.stemStride)"])
    let model = try bytes.withUnsafeBytes {
      try TrainableModel($0, name: "a new network", classes: photos.classes, seed: options.seed)
    }
    return (model, nil)
  }

  /// Mean and deviation of the pixels, by channel, of up to a thousand photos.
  private static func pixelStatistics(_ part: PhotoPart) -> (mean: [Float], deviation: [Float]) {
    var (sums, squares, count) = ([0.0, 0, 0], [0.0, 0, 0], 0.0)
    for place in stride(from: 0, to: part.indices.count, by: max(part.indices.count / 1000, 1)) {
      part.photos.withPhoto(part.indices[place]) { photo in
        for pixel in stride(from: 0, to: photo.width * photo.height, by: 3) {
          for c in 0..<3 {
            let value = Double(photo.pixels[3 * pixel + c]) / 255
            sums[c] += value
            squares[c] += value * value
          }
          count += 1
        }
      }
    }
    let mean = sums.map { $0 / count }
    return (
      mean.map { Float($0) },
      zip(squares, mean).map { Float(max($0 / count - $1 * $1, 1e-4).squareRoot()) }
    )
  }

  private init(_ options: TrainingOptions, _ parts: Parts, _ model: TrainableModel, _ position: TrainingPosition, isNew: Bool)
    throws
  {
    (self.options, self.model, self.position) = (options, model, position)
    (photos, training, selection, report) = (parts.photos, parts.training, parts.selection, parts.report)
    order = PhotoOrder(labels: training.labels, seed: options.seed)
    schedule = Schedule(
      phases: options.phases, steps: position.steps, peak: options.peak(batch: position.batch), warmUp: options.warmUp)
    log = isNew ? try TrainingLog(options.logPath) : try TrainingLog(options.logPath, after: position.step)
  }

  private func say(_ line: String) { if !options.isQuiet { Terminal.say(line) } }

  // MARK: steps

  /// As many steps as this machine takes in so many seconds, told from a few of each size, which leave no trace.
  private static func steps(
    within seconds: Double, _ model: TrainableModel, _ options: TrainingOptions, _ training: PhotoPart, batch: Int
  ) throws -> Int {
    let parameters = model.parameters
    let before = parameters.entries.indices.map { parameters.values($0) }
    var ofStep = 0.0
    for phase in options.phases {
      let trainer = try Trainer(model, settings: options.trainer, images: batch, side: phase.side)
      let pixels = [Float](repeating: 0.5, count: batch * 3 * phase.side * phase.side)
      let labels = (0..<batch).map { training.labels[$0 % training.labels.count] }
      var fastest = Double.infinity
      for step in 0..<3 {
        let start = monotonicSeconds()
        _ = try trainer.step(pixels, labels: labels, rate: 1e-6, step: step, random: (1, UInt64(step)))
        fastest = min(fastest, monotonicSeconds() - start)
        if Interrupt.isRequested { throw Failure.interrupted }
      }
      ofStep += phase.share * fastest
    }
    for (index, values) in before.enumerated() {
      parameters.pointer(index).update(from: values, count: values.count)
    }
    parameters.clear(.velocities)
    for kind in [Parameters.Kind.averages, .best] { parameters.copy(.values, to: kind) }
    parameters.touch()
    // Photos are read and averages measured in the time that is left.
    return max(Int(0.85 * seconds / ofStep), 1)
  }

  private func run() throws {
    if !options.isQuiet { ProgressBar.shared.begin("training") }
    defer { ProgressBar.shared.end() }
    let photosOfEpoch = Double(training.indices.count)
    let between = max(Int(options.evaluateEpochs * photosOfEpoch / Double(position.batch)), 1)
    let logged = min(max(position.steps / 1000, 1), between)
    while true {
      let isLast = position.step == position.steps
      if position.evaluatedStep != position.step, isLast || (position.step > 0 && position.step % between == 0) {
        try evaluate()
      }
      if isLast { break }
      try step()
      if position.step % logged == 0 { try logRow() }
      if Interrupt.isRequested {
        try save()
        throw Failure.interrupted
      }
      if monotonicSeconds() - lastSave > options.saveSeconds { try saveOrWarn() }
    }
    try save()
    ProgressBar.shared.end()
    try finish()
  }

  private func step() throws {
    let start = monotonicSeconds()
    let side = schedule.side(position.step)
    let trainer = try trainer(side: side)
    let (pixels, labels) = load(side: side)
    let loaded = monotonicSeconds()
    let outcome: Trainer.Outcome
    do {
      outcome = try trainer.step(
        pixels, labels: labels, rate: schedule.rate(position.step), step: position.step,
        random: (options.seed, 0x6E6F_6973 << 36 | UInt64(position.photosSeen)))
    } catch RuntimeError.notFinite(let problem) {
      let kept = fileExists(options.statePath) ? "; the state before it is in \(options.statePath)" : ""
      throw Failure.failed(
        "step \(position.step + 1): \(problem); begin again with a lower --rate than \(schedule.peak)\(kept)")
    }
    position.step += 1
    position.photosSeen += position.batch
    let end = monotonicSeconds()
    position.seconds += end - start
    sums.loss += outcome.loss
    sums.correct += outcome.correct
    sums.photos += position.batch
    sums.steps += 1
    sums.loading += loaded - start
    sums.seconds += end - start
    ProgressBar.shared.show(
      Double(position.step) / Double(position.steps),
      "loss \(rounded(sums.loss / Double(sums.steps), 3)), \(Int(Double(sums.photos) / max(sums.seconds, 1e-9))) photos/s"
        + (position.bestStep == nil ? "" : ", held out \(percent(position.bestClean)) / \(percent(position.bestRobust))"))
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

  private var pixels: [Float] = []

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

  // MARK: looking at the averages

  /// Measures the average on the selection part, keeps it if it is the best, and acts on what it shows.
  private func evaluate() throws {
    guard !selection.indices.isEmpty else {
      model.parameters.copy(.averages, to: .best)
      (position.bestStep, position.evaluatedStep) = (position.step, position.step)
      return
    }
    let eps = options.wanted?.eps ?? options.eps
    let isRobust = options.trainer.attack.steps > 0 && eps > 0
    let attacks = isRobust ? [attack(eps, steps: 10)] : []
    guard let outcomes = try outcomes(.averages, on: selection, attacks) else {
      try save()
      throw Failure.interrupted
    }
    let counts = RobustEvaluation.Counts(outcomes, attacks: attacks.count)
    let (clean, robust) = (counts.cleanAccuracy, isRobust ? counts.robustAccuracy() : counts.cleanAccuracy)
    let oneStep = sums.photos > 0 ? Double(sums.correct) / Double(sums.photos) : position.bestOneStep
    var note: String?
    if position.attackSteps == 1, robust < 0.7 * position.bestRobust, oneStep > position.bestOneStep {
      // One-step training can fail suddenly: it learns to mislead the step, not to withstand the attack.
      model.parameters.copy(.best, to: .values)
      model.parameters.copy(.best, to: .averages)
      model.parameters.clear(.velocities)
      position.attackSteps = 3
      note =
        "one-step training failed: accuracy under 10 steps fell from \(percent(position.bestRobust)) to "
        + "\(percent(robust)) while that under one rose; going on from the average of step \(position.bestStep ?? 0) "
        + "with three steps"
      Terminal.warn(note!)
    } else if robust > position.bestRobust {
      model.parameters.copy(.averages, to: .best)
      (position.bestStep, position.bestClean, position.bestRobust) = (position.step, clean, robust)
      position.bestOneStep = oneStep
    }
    if let wanted = options.wanted, position.step < position.steps * 2 / 3 {
      // More radius, more accuracy under attack: by at most a tenth at a time.
      let change = min(max(wanted.accuracy - robust, -0.1), 0.1)
      position.eps = min(max(position.eps * (1 + change), wanted.eps / 4), wanted.eps * 3)
    }
    position.evaluatedStep = position.step
    let row = row(note: note, evaluation: (clean, isRobust ? robust : nil))
    try log.append(row)
    sums = Sums()
    say(
      "epoch \(rounded(row.epoch, 2)): loss \(rounded(row.loss, 3)), held out \(percent(clean))"
        + (isRobust ? ", under attack \(percent(robust))" : "") + ", \(Int(row.imagesPerSecond)) photos/s"
        + (options.wanted == nil ? "" : ", eps \(rounded(position.eps, 3))"))
  }

  private func attack(_ eps: Double, steps: Int, restarts: Int = 1) -> AttackSettings {
    var attack = AttackSettings(
      .pgd, norm: options.trainer.attack.norm == .l2 ? .l2 : .linf, radius: eps, steps: steps)
    attack.restarts = restarts
    attack.seed = options.seed
    return attack
  }

  /// What became of each photo, at the largest size.
  /// nil: interrupted.
  private func outcomes(_ kind: Parameters.Kind, on part: PhotoPart, _ attacks: [AttackSettings]) throws
    -> [RobustEvaluation.Outcome]?
  {
    let side = schedule.largest
    let function = try model.classifier(kind).logitFunction(
      capacity: min(50, part.indices.count), height: side, width: side)
    let outcomes = try RobustEvaluation.outcomes(of: function, on: part.images(side: side), under: attacks) { _ in
      !Interrupt.isRequested
    }
    let whole = outcomes.compactMap { $0 }
    return whole.count == part.indices.count ? whole : nil
  }

  // MARK: files

  private func row(note: String? = nil, evaluation: (clean: Double, robust: Double?)? = nil) -> TrainingLogRow {
    let n = Double(max(sums.steps, 1))
    return TrainingLogRow(
      step: position.step,
      epoch: Double(position.photosSeen) / Double(training.indices.count), seconds: position.seconds,
      imagesPerSecond: Double(sums.photos) / max(sums.seconds, 1e-9), loss: sums.loss / n,
      trainAccuracy: Double(sums.correct) / Double(max(sums.photos, 1)),
      learningRate: schedule.rate(max(position.step - 1, 0)), size: schedule.side(max(position.step - 1, 0)),
      eps: position.eps, cleanAccuracy: evaluation?.clean, robustAccuracy: evaluation?.robust, note: note)
  }

  private func logRow() throws {
    if position.step == position.steps || sums.steps == 0 { return }
    try log.append(row())
    sums = Sums()
  }

  private func save() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(position), as: UTF8.self)
    let bytes = try TrainingState.bytes(model.parameters, texts: ["position": text])
    try Output.file(options.statePath).write(bytes)
    lastSave = monotonicSeconds()
  }

  /// A full disk is no reason to lose a run.
  private func saveOrWarn() throws {
    do {
      try save()
    } catch let error as ImagingError {
      Terminal.warn("the state was not saved, the one before it stays: \(error)")
      lastSave = monotonicSeconds()
    }
  }

  private func finish() throws {
    if position.bestStep == nil { model.parameters.copy(.averages, to: .best) }
    let isRobust = options.trainer.attack.steps > 0 && options.eps > 0
    let attacks = isRobust ? [attack(options.wanted?.eps ?? options.eps, steps: 20, restarts: 5)] : []
    var measured: [RobustEvaluation.Outcome]?
    if !report.indices.isEmpty {
      say("measuring the best average, of step \(position.bestStep ?? position.step), on \(report.indices.count) photos")
      measured = try outcomes(.best, on: report, attacks)
      if measured == nil { throw Failure.interrupted }
    }
    let result = TrainedModel(
      options: options, position: position, schedule: schedule, model: model, training: training, selection: selection,
      report: report, outcomes: measured, attack: attacks.first)
    try result.write(log: log)
    say(result.summary)
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

