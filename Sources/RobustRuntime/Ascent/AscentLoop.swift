import CKernels

/// The loop: evaluate, step, project.
struct AscentLoop {
  let evaluator: Evaluator
  let settings: AscentSettings
  let start: ImageBatch

  func run(progress: (AscentProgress) -> Bool, isFinishing: () -> Bool) throws -> AscentOutcome {
    let projection = Projection(
      settings.set, start: start, centre: settings.centre ?? start, free: settings.free)
    let filter = GradientFilter(height: start.height, width: start.width, settings: settings)
    let views = Views(settings, height: start.height, width: start.width)
    let fourier =
      settings.parameters == .fourier ? try FourierParameters(height: start.height, width: start.width) : nil
    var stepping = Stepping(settings, images: start.count, size: start.stride)
    var x = start
    for n in 0..<x.count { projection.apply(to: &x, image: n) }
    var coefficients = fourier?.parameters(of: x)
    if let fourier, let coefficients { x = fourier.images(coefficients) }
    var gradient = ImageBatch(count: x.count, height: x.height, width: x.width)
    var best = Best(x)
    var patience = Patience(settings.patience)
    var startLosses: [Double]?
    if settings.seesOther { startLosses = try losses(of: x, step: 0) }

    var step = 0
    var (stopped, ended) = (false, false)
    while step < settings.steps, !isFinishing() {
      try evaluator.evaluate(
        x.pixels, step: step, views: views.ofStep(step, images: x.count),
        noise: noise(step, evaluator.seenCount),
        passReLU: settings.passReLU, gradient: &gradient.pixels)
      startLosses = startLosses ?? evaluator.losses
      if settings.best { best.update(x, evaluator.losses) }
      guard report(step, x, progress) else {
        stopped = true
        break
      }
      if isFinishing() || isLowEnough(evaluator.losses) || patience.isOver(evaluator.losses) {
        ended = true
        break
      }
      fourier?.pullBack(&gradient, at: x)
      for n in 0..<x.count {
        if let fourier {
          try advance(&coefficients!, image: n, &gradient, nil, &stepping, step: step)
          if n == x.count - 1 { x = fourier.images(coefficients!) }
        } else {
          try advance(&x, image: n, &gradient, filter, &stepping, step: step)
          projection.apply(to: &x, image: n)
        }
      }
      step += 1
    }

    // After an end before the last step the losses at x are known, unless they were those of other views.
    if !(stopped || ended) || settings.seesOther { _ = try losses(of: x, step: step) }
    var losses = evaluator.losses
    if !stopped { _ = report(step, x, progress) }
    if settings.best {
      best.update(x, losses)
      x = best.images
      losses = settings.seesOther ? try self.losses(of: x, step: step) : best.losses
    }
    return AscentOutcome(
      images: x, startLosses: startLosses ?? losses, losses: losses, stepsDone: step, stopped: stopped)
  }

  private func losses(of images: ImageBatch, step: Int) throws -> [Double] {
    try evaluator.evaluate(images.pixels, step: step, passReLU: false, gradient: nil)
    return evaluator.losses
  }

  private func isLowEnough(_ losses: [Double]) -> Bool {
    settings.stopLoss.map { limit in losses.allSatisfy { $0 <= limit } } ?? false
  }

  /// Streams of the noise, one for each step, are counted from here.
  private static let noiseStream: UInt64 = 0x6E6F_6973_6500_0000

  private func noise(_ step: Int, _ count: Int) -> [Float] {
    guard settings.noise > 0 else { return [] }
    var noise = Philox(seed: settings.seed, stream: AscentLoop.noiseStream + UInt64(step)).normal(
      count: count)
    rt_scale(&noise, Float(settings.noise), count)
    return noise
  }

  private func report(_ step: Int, _ images: ImageBatch, _ progress: (AscentProgress) -> Bool) -> Bool {
    let loss = evaluator.losses.reduce(0, +) / Double(max(evaluator.losses.count, 1))
    return progress(
      AscentProgress(
        step: step, total: settings.steps, loss: loss, classProbability: evaluator.classProbability,
        images: images))
  }

  /// Takes one step with the parameters x of image n.
  private func advance(
    _ x: inout ImageBatch, image n: Int, _ gradient: inout ImageBatch, _ filter: GradientFilter?,
    _ stepping: inout Stepping, step: Int
  ) throws {
    let size = x.stride
    try gradient.pixels.withUnsafeMutableBufferPointer { gradient in
      let g = gradient.baseAddress! + n * size
      filter?.apply(to: g, image: n)
      guard rt_all_finite(g, size) else {
        throw RuntimeError.notFinite(
          "with the model \(evaluator.model.quoted) the gradient became NaN or infinite at step \(step)")
      }
      x.pixels.withUnsafeMutableBufferPointer {
        stepping.advance($0.baseAddress! + n * size, g, size: size, image: n, step: step)
      }
    }
  }
}

extension AscentSettings {
  /// Whether the network sees something else than the images.
  var seesOther: Bool { jitter > 0 || zoom > 0 || noise > 0 || boundary == .wrapped }
}

/// The iterate of least loss of each image.
private struct Best {
  private(set) var images: ImageBatch
  private(set) var losses: [Double]

  init(_ images: ImageBatch) {
    self.images = images
    losses = [Double](repeating: .infinity, count: images.count)
  }

  mutating func update(_ candidates: ImageBatch, _ candidateLosses: [Double]) {
    let size = images.stride
    for n in losses.indices where candidateLosses[n] < losses[n] {
      losses[n] = candidateLosses[n]
      images.pixels.replaceSubrange(
        n * size..<(n + 1) * size, with: candidates.pixels[n * size..<(n + 1) * size])
    }
  }
}

/// How long it is since some loss came down.
private struct Patience {
  private let limit: Int
  private var lowest: [Double] = []
  private var waited = 0

  /// What counts as less, as a share of the loss.
  private static let least = 1e-3

  init(_ limit: Int) { self.limit = limit }

  mutating func isOver(_ losses: [Double]) -> Bool {
    guard limit > 0 else { return false }
    var hasFallen = lowest.isEmpty
    if lowest.isEmpty { lowest = losses }
    for (n, loss) in losses.enumerated() where loss < lowest[n] - Patience.least * abs(lowest[n]) {
      lowest[n] = loss
      hasFallen = true
    }
    waited = hasFallen ? 0 : waited + 1
    return waited >= limit
  }
}
