import CKernels
import Glibc

/// The loop: evaluate, step, project.
struct Ascent {
  let evaluator: Evaluator
  let settings: AscentSettings
  let start: ImageBatch

  func run(progress: (AscentProgress) -> Bool) throws -> AscentOutcome {
    let projection = Projection(
      settings.set, start: start, centre: settings.centre ?? start, free: settings.free)
    let filter = GradientFilter(height: start.height, width: start.width, settings: settings)
    let moves = JitterMoves(settings)
    var x = start
    for n in 0..<x.count { projection.apply(to: &x, image: n) }
    var gradient = ImageBatch(count: x.count, height: x.height, width: x.width)
    var best = Best(x)
    var startLosses: [Double]?
    if settings.jitter > 0 { startLosses = try losses(of: x, step: 0) }

    var step = 0
    var stopped = false
    while step < settings.steps {
      try evaluator.evaluate(
        x.pixels, step: step, moves: moves.ofStep(step, images: x.count), passReLU: settings.passReLU,
        gradient: &gradient.pixels)
      startLosses = startLosses ?? evaluator.losses
      if settings.best { best.update(x, evaluator.losses) }
      guard report(step, x, progress) else {
        stopped = true
        break
      }
      for n in 0..<x.count {
        try advance(&x, image: n, &gradient, filter, step: step)
        projection.apply(to: &x, image: n)
      }
      step += 1
    }

    // After a stop the losses at x are known, unless they were those of moved images.
    if !stopped || settings.jitter > 0 { _ = try losses(of: x, step: step) }
    var losses = evaluator.losses
    if !stopped { _ = report(step, x, progress) }
    if settings.best {
      best.update(x, losses)
      x = best.images
      losses = settings.jitter > 0 ? try self.losses(of: x, step: step) : best.losses
    }
    return AscentOutcome(
      images: x, startLosses: startLosses ?? losses, losses: losses, stepsDone: step, stopped: stopped)
  }

  private func losses(of images: ImageBatch, step: Int) throws -> [Double] {
    try evaluator.evaluate(images.pixels, step: step, moves: [], passReLU: false, gradient: nil)
    return evaluator.losses
  }

  private func report(_ step: Int, _ x: ImageBatch, _ progress: (AscentProgress) -> Bool) -> Bool {
    let loss = evaluator.losses.reduce(0, +) / Double(max(evaluator.losses.count, 1))
    return progress(
      AscentProgress(
        step: step, total: settings.steps, loss: loss, classProbability: evaluator.classProbability,
        images: x))
  }

  /// Takes one step with image n.
  private func advance(
    _ x: inout ImageBatch, image n: Int, _ gradient: inout ImageBatch, _ filter: GradientFilter, step: Int
  ) throws {
    let size = x.stride
    try gradient.pixels.withUnsafeMutableBufferPointer { gradient in
      let g = gradient.baseAddress! + n * size
      filter.apply(to: g, image: n)
      let norm = rt_sum_squares(g, size).squareRoot()
      guard norm.isFinite else {
        throw RuntimeError.notFinite("the gradient became NaN or infinite at step \(step)")
      }
      let length = settings.stepSize(at: step)
      x.pixels.withUnsafeMutableBufferPointer { pixels in
        let x = pixels.baseAddress! + n * size
        switch settings.rule {
        case .normalised: rt_add_scaled(x, g, Float(-length / (norm + 1e-10)), size)
        case .sign: rt_step_sign(x, g, Float(length), size)
        case .plain: rt_add_scaled(x, g, Float(-length), size)
        }
      }
    }
  }
}

extension AscentSettings {
  /// From `stepSize` at the first step to `finalStepSize` at the last, along half a cosine.
  package func stepSize(at step: Int) -> Double {
    guard let finalStepSize else { return stepSize }
    let done = steps > 1 ? Double(step) / Double(steps - 1) : 1
    return finalStepSize + (stepSize - finalStepSize) * 0.5 * (1 + cos(Double.pi * done))
  }
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

/// How the images are moved at each step, drawn evenly from −jitter...jitter.
struct JitterMoves {
  private let jitter: Int
  private let random: Philox

  /// Of the generator; steps and images are its counter.
  private static let stream: UInt64 = 0x6A69_7474_6572

  init(_ settings: AscentSettings) {
    jitter = settings.jitter
    random = Philox(seed: settings.seed, stream: JitterMoves.stream)
  }

  /// One move for each image; none without jitter.
  func ofStep(_ step: Int, images: Int) -> [Move] {
    guard jitter > 0 else { return [] }
    let choices = UInt64(2 * jitter + 1)
    return (0..<images).map { n in
      let words = random.words(UInt64(step) << 32 | UInt64(n))
      func draw(_ word: UInt32) -> Int { Int((UInt64(word) * choices) >> 32) - jitter }
      return Move(x: draw(words.x), y: draw(words.y))
    }
  }
}
