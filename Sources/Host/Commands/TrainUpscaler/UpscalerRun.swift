import Datasets
import FoundationEssentials
import Glibc
import Imaging
import RobustRuntime
import Synchronization

/// One run of `rtool train-upscaler`, from its beginning or its state to the network.
final class UpscalerRun {
  private let options: UpscalerRunOptions
  private let trainer: UpscalerTrainer
  private let training: PhotoPart
  private let held: PhotoPart
  private let views: UpscalingViews
  private let identity: String
  private var lastSave = monotonicSeconds()
  /// What the steps came to since photos were measured last.
  private var sums = (loss: 0.0, steps: 0, seconds: 0.0)

  /// Photos that are held out and measured, at most.
  private static let mostMeasured = 100
  private static let heldOut = 0.02
  /// The share of the steps in which the rate falls.
  private static let fall = 0.3

  static func run(_ values: OptionValues) throws {
    let options: UpscalerRunOptions
    var state: (bytes: [UInt8], path: String, texts: [String: String])?
    if let path = values[UpscalerOption.resume] {
      guard let bytes = FileBytes.ofRegularFile(path) else {
        throw Failure.failed("there is no state file \(path) that can be read")
      }
      let texts = try bytes.withUnsafeBytes { try UpscalerTrainer.texts(ofState: $0, file: path) }
      state = (bytes, path, texts)
      options = try UpscalerRunOptions(values, state: path, texts)
    } else {
      options = try UpscalerRunOptions(values)
      if fileExists(options.state) {
        throw Failure.failed(
          "\(options.state) exists: go on with it by --resume, remove it, or name another file with --state")
      }
    }
    let threads = configureRuntime(threads: options.threads)
    let photos = try PhotoReading.open(
      options.data,
      PhotoSet.Options(
        largestSize: 2 * options.side, cacheFolder: options.cache, minimumClasses: 1,
        threads: options.threads > 0 ? options.threads : nil),
      isQuiet: options.isQuiet)
    let trainer: UpscalerTrainer
    if let state {
      guard state.texts["data"] == photos.identity else {
        throw Failure.failed(
          "\(state.path): the state of a run on other photos; name the same ones, wherever they are now")
      }
      trainer = try state.bytes.withUnsafeBytes {
        try UpscalerTrainer(state: $0, file: state.path, images: options.batch, side: options.side)
      }
    } else {
      trainer = try options.trainer()
    }
    let run = try UpscalerRun(options, trainer, photos)
    run.say(
      state == nil
        ? "\(trainer.parameterCount) parameters; \(run.training.count) photos to learn from, \(run.held.count) to measure; "
          + "\(options.steps) steps of \(options.batch), threads: \(threads)"
        : "going on after step \(trainer.step) of \(options.steps)")
    try run.toTheEnd()
  }

  private init(_ options: UpscalerRunOptions, _ trainer: UpscalerTrainer, _ photos: PhotoSet) throws {
    let views = UpscalingViews(side: trainer.side, factors: trainer.network.factors)
    (self.options, self.trainer, self.views, identity) = (options, trainer, views, photos.identity)
    let split = photos.split(heldOut: Self.heldOut)
    func large(_ indices: [Int]) -> PhotoPart {
      PhotoPart(
        photos,
        indices.filter { photos.withPhoto($0) { min($0.width, $0.height) >= views.smallest } },
        labels: photos.label)
    }
    training = large(split.training)
    held = large(split.heldOut).limited(to: Self.mostMeasured)
    guard training.count > 0 else {
      throw Failure.failed(
        "no photo has \(views.smallest) pixels along its shorter side, as --side \(options.side) needs; give larger photos"
      )
    }
  }

  private func say(_ line: String) { if !options.isQuiet { Terminal.say(line) } }

  private func toTheEnd() throws {
    if !options.isQuiet { ProgressBar.shared.begin("training") }
    defer { ProgressBar.shared.end() }
    while trainer.step < options.steps {
      if Interrupt.isRequested {
        ProgressBar.shared.end()
        if saveOrWarn() {
          say(
            "stopped after step \(trainer.step) of \(options.steps); rtool train-upscaler --resume "
              + "\(InfoCommand.quotedForShell(options.state)) goes on")
        }
        throw Failure.interrupted
      }
      if monotonicSeconds() - lastSave > options.saveSeconds { saveOrWarn() }
      try step()
      if trainer.step % options.evaluateEvery == 0, trainer.step < options.steps { try tell() }
    }
    let figures = try tell()
    var facts = ["step": "\(trainer.step)", "data": identity]
    for (factor, figure) in zip(trainer.network.factors, figures) {
      facts["psnr_\(factor)"] = rounded(figure.own, 2)
      facts["psnr_cubic_\(factor)"] = rounded(figure.cubic, 2)
    }
    if let quality = options.quality { facts["jpeg"] = "\(quality.lowerBound)-\(quality.upperBound)" }
    try Output.file(options.output).write(try trainer.file(facts))
    saveOrWarn()
  }

  private var rate: Double {
    let left = Double(options.steps - trainer.step) / Double(options.steps)
    return options.rate * min(1, left / Self.fall)
  }

  // MARK: Steps

  private func step() throws {
    let start = monotonicSeconds()
    let factors = trainer.network.factors
    let factor = factors[trainer.step % factors.count]
    let first = trainer.step * options.batch
    let (small, details) = try pairs(factor: factor, from: first, count: options.batch) {
      [training, options] n, out, views in
      // Photos come in another order each time they come around.
      let place = Int(
        Philox(seed: options.seed, stream: 0x6F72_6465 << 32).words(UInt64(first + n)).x)
      training.photos.withPhoto(training.indices[place % training.count]) {
        views.large(of: $0, seed: options.seed, index: first + n, to: out)
      }
    }
    do {
      sums.loss += try trainer.step(factor: factor, small: small, details: details, rate: rate)
    } catch RuntimeError.notFinite(let problem) {
      throw Failure.failed(
        "training diverged at step \(trainer.step + 1): \(problem); begin again with a lower --rate than "
          + numberText(options.rate))
    }
    sums.steps += 1
    sums.seconds += monotonicSeconds() - start
    ProgressBar.shared.show(
      Double(trainer.step) / Double(options.steps),
      "loss \(rounded(sums.loss / Double(sums.steps), 5)), \(Int(Double(sums.steps * options.batch) / sums.seconds)) photos/s"
    )
  }

  /// Small images, planar, and what their cubic enlargements lack.
  /// - Parameter first: the number of the first pair, by which the quality of a JPEG file is drawn.
  private func pairs(
    factor: Int, from first: Int, count: Int,
    _ draw: @escaping @Sendable (_ n: Int, _ out: UnsafeMutablePointer<Float>, UpscalingViews) -> Void
  ) throws -> (small: [Float], details: [Float]) {
    let (side, length) = (views.side, views.side / factor)
    var small = [Float](repeating: 0, count: count * 3 * length * length)
    var details = [Float](repeating: 0, count: count * 3 * side * side)
    let problems = Problems()
    small.withUnsafeMutableBufferPointer { small in
      details.withUnsafeMutableBufferPointer { details in
        let places = Places(small: small.baseAddress!, details: details.baseAddress!)
        Workers.shared.run(count) { [views, options] n, _ in
          var large = [Float](repeating: 0, count: 3 * side * side)
          large.withUnsafeMutableBufferPointer { draw(n, $0.baseAddress!, views) }
          let reduced = places.small + n * 3 * length * length
          views.reduce(large, by: factor, to: reduced)
          if let quality = options.quality {
            let spread = UInt64(quality.count)
            let word = Philox(seed: options.seed, stream: 0x6A70_6567 << 32)
              .words(UInt64(first + n)).x
            do {
              try JPEGRoundTrip.apply(
                to: reduced, side: length, quality: quality.lowerBound + Int((UInt64(word) * spread) >> 32))
            } catch { problems.add(error) }
          }
          let detail = places.details + n * 3 * side * side
          views.enlarge(reduced, by: factor, to: detail)
          for i in 0..<3 * side * side { detail[i] = large[i] - detail[i] }
        }
      }
    }
    if let problem = problems.first { throw problem }
    return (small, details)
  }

  private struct Places: @unchecked Sendable {
    let small, details: UnsafeMutablePointer<Float>
  }

  /// What went wrong first on any thread.
  private final class Problems: Sendable {
    private let found = Mutex<(any Error)?>(nil)
    var first: (any Error)? { found.withLock { $0 } }
    func add(_ problem: sending any Error) { found.withLock { if $0 == nil { $0 = problem } } }
  }

  // MARK: Looking

  /// Tells how far the running average has come.
  @discardableResult
  private func tell() throws -> [(own: Double, cubic: Double)] {
    let figures = try measure()
    let text = zip(trainer.network.factors, figures).map { factor, figure in
      "\(factor)x \(rounded(figure.own, 2)) dB (cubic \(rounded(figure.cubic, 2)))"
    }
    say(
      "step \(trainer.step): loss \(rounded(sums.loss / Double(max(sums.steps, 1)), 5)), held out "
        + text.joined(separator: ", ")
        + ", \(Int(Double(sums.steps * options.batch) / max(sums.seconds, 1e-9))) photos/s")
    sums = (0, 0, 0)
    return figures
  }

  /// The mean over held-out photos of the PSNR of the luma, of the network's enlargement and of the cubic one.
  private func measure() throws -> [(own: Double, cubic: Double)] {
    let upscaler = try trainer.file([:]).withUnsafeBytes { try Upscaler(bytes: $0, name: "the average") }
    let side = views.side
    return try trainer.network.factors.map { factor in
      var (own, cubic) = (0.0, 0.0)
      let length = side / factor
      for n in 0..<held.count {
        let (small, details) = try pairs(factor: factor, from: n, count: 1) { [held] _, out, views in
          held.photos.withPhoto(held.indices[n]) {
            views.large(of: $0, seed: 0, index: 0, isPlain: true, to: out)
          }
        }
        var drawn = [Float](repeating: 0, count: 3 * side * side)
        let pixels = interleaved(small, length)
        _ = try upscaler.addDetail(
          of: pixels, width: length, height: length, stride: 3 * length, factor: factor, to: &drawn,
          largeStride: 3 * side)
        let wanted = interleaved(details, side)
        let border = factor
        own += psnr(zip(wanted, drawn).map { $0 - $1 }, side, border: border)
        cubic += psnr(wanted, side, border: border)
      }
      let count = Double(max(held.count, 1))
      return (own / count, cubic / count)
    }
  }

  private func interleaved(_ planes: [Float], _ side: Int) -> [Float] {
    (0..<3 * side * side).map { planes[$0 % 3 * side * side + $0 / 3] }
  }

  /// The PSNR of the luma (BT.601), told from differences; a border is left out.
  private func psnr(_ differences: [Float], _ side: Int, border: Int) -> Double {
    var sum = 0.0
    for y in border..<side - border {
      for x in border..<side - border {
        let at = 3 * (y * side + x)
        let luma =
          (65.481 * differences[at] + 128.553 * differences[at + 1] + 24.966 * differences[at + 2]) / 255
        sum += Double(luma * luma)
      }
    }
    let count = Double((side - 2 * border) * (side - 2 * border))
    return -10 * log10(max(sum / count, 1e-10))
  }

  // MARK: Files

  /// A full disk is no reason to lose a run.
  /// - Returns: whether it was saved.
  @discardableResult
  private func saveOrWarn() -> Bool {
    defer { lastSave = monotonicSeconds() }
    do {
      try Output.file(options.state).write(try trainer.state(texts: options.texts(data: identity)))
      return true
    } catch {
      Terminal.warn("the state was not saved: \(error)")
      return false
    }
  }
}
