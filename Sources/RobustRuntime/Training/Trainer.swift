import CKernels

/// Takes training steps with one model, for batches of one size of images.
package final class Trainer {
  package struct Settings: Sendable, Equatable {
    package enum Method: Sendable, Equatable {
      /// Adversarial training: cross-entropy of the perturbed images.
      case adversarial
      /// TRADES (Zhang et al., arXiv 1901.08573): cross-entropy of the images, and `beta` times the divergence of the
      /// perturbed images' probabilities from theirs.
      case trades(beta: Double)
    }

    package var method = Method.adversarial
    package var attack = TrainingAttack()
    package var labelSmoothing = 0.0
    package var momentum = 0.9
    package var weightDecay = 5e-4
    /// The share of the running average of all values that a step keeps; the first steps count for more.
    package var averageDecay = 0.999

    package init() {}
  }

  package struct Outcome: Sendable {
    /// The mean over the batch.
    package var loss = 0.0
    /// Images of the batch that were classified rightly, perturbed.
    package var correct = 0
  }

  package let model: TrainableModel
  package let images, side: Int
  package var settings: Settings
  private let plan: Plan
  private let loss: TrainingLoss
  private let perturbed, gradient: FloatBlock
  private var logitGradients: [UnsafeMutablePointer<Float>?]
  private let logitBlock: FloatBlock
  private let imageFloats: Int

  /// - Throws: `RuntimeError.outOfMemory`
  package init(_ model: TrainableModel, settings: Settings, images: Int, side: Int) throws {
    (self.model, self.settings, self.images, self.side) = (model, settings, images, side)
    // What reading the model took is given back before the plan takes its memory.
    rt_trim_heap()
    plan = try Plan(model.network, images: images, height: side, width: side, gradient: true, training: true)
    let classes = plan.tensors[plan.logits].shape.channels
    loss = TrainingLoss(classes: classes, images: images)
    imageFloats = 3 * side * side
    perturbed = try FloatBlock(count: images * imageFloats)
    gradient = try FloatBlock(count: images * imageFloats)
    logitBlock = try FloatBlock(count: classes * images)
    logitGradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
    logitGradients[plan.logits] = logitBlock.base
  }

  /// One step: a perturbation of the images, the gradients of the parameters, and their update.
  /// - Parameter pixels: planar, [image][3][side][side], in 0...1.
  /// - Parameter random: tells one random start from another: of image n, stream `stream` + n.
  /// - Throws: `RuntimeError.notFinite` if the loss is; the values then are those before the step.
  package func step(
    _ pixels: UnsafePointer<Float>, labels: [Int], rate: Double, step: Int,
    random: (seed: UInt64, stream: UInt64)
  ) throws -> Outcome {
    precondition(labels.count == images)
    perturb(pixels, labels) { [settings] image, at in
      guard settings.attack.randomStart else { return }
      settings.attack.start(
        perturbed.base + at, imageFloats, random: (random.seed, random.stream &+ UInt64(image)),
        gradient.base + at)
    }
    let outcome = addGradients(pixels, labels)
    guard outcome.loss.isFinite else { throw RuntimeError.notFinite("the loss is \(outcome.loss)") }
    update(rate: Float(rate), step: step)
    return outcome
  }

  /// Writes the perturbed images.
  /// - Parameter start: moves an image, whose floats begin at `at`, to where its attack starts.
  private func perturb(
    _ pixels: UnsafePointer<Float>, _ labels: [Int], start: (_ image: Int, _ at: Int) -> Void
  ) {
    let attack = settings.attack
    rt_copy(perturbed.base, pixels, images * imageFloats)
    guard !attack.isNone else { return }
    model.mode.movesRunning = false
    model.mode.statistics = attack.statistics
    defer { (model.mode.movesRunning, model.mode.statistics) = (true, .batch) }
    var targets: [Double]?
    if case .trades = settings.method { targets = loss.logProbabilities(logits(pixels)) }
    eachImage(start)
    for _ in 0..<attack.steps {
      let logs = loss.logProbabilities(logits(perturbed.base))
      let slope =
        targets.map { loss.divergence($0, logs).ofQ }
        ?? loss.crossEntropy(logs, labels, smoothing: 0).gradient
      backward(slope, to: gradient.base)
      eachImage { _, at in
        attack.advance(perturbed.base + at, from: pixels + at, gradient.base + at, imageFloats)
      }
    }
  }

  /// Perturbs the images as `step` begins, but from images plus noise.
  package func perturb(_ pixels: UnsafePointer<Float>, labels: [Int], noise: UnsafePointer<Float>) {
    perturb(pixels, labels) { _, at in rt_add(perturbed.base + at, noise + at, imageFloats) }
  }

  /// Writes the gradients of the parameters, of the images and of those that were perturbed last.
  package func addGradients(_ pixels: UnsafePointer<Float>, _ labels: [Int]) -> Outcome {
    rt_fill(model.parameters.all(.gradients), 0, model.parameters.count)
    switch settings.method {
    case .adversarial:
      let logits = logits(perturbed.base)
      let (value, slope) = loss.crossEntropy(
        loss.logProbabilities(logits), labels, smoothing: settings.labelSmoothing)
      addGradients(slope, perturbed.base)
      return Outcome(loss: value, correct: loss.correct(logits, labels))
    case .trades(let beta):
      let clean = loss.logProbabilities(logits(pixels))
      let logits = logits(perturbed.base)
      let divergence = loss.divergence(clean, loss.logProbabilities(logits))
      addGradients(divergence.ofQ.map { Float(beta) * $0 }, perturbed.base)
      let (value, slope) = loss.crossEntropy(clean, labels, smoothing: settings.labelSmoothing)
      // The plan holds the values of one pass, so those of the images are made again.
      model.mode.movesRunning = false
      _ = self.logits(pixels)
      model.mode.movesRunning = true
      addGradients(zip(slope, divergence.ofP).map { $0 + Float(beta) * $1 }, pixels)
      return Outcome(loss: value + beta * divergence.loss, correct: loss.correct(logits, labels))
    }
  }

  /// Stochastic gradient descent with Nesterov's momentum, and the running average.
  package func update(rate: Float, step: Int) {
    let p = model.parameters
    let (values, gradients) = (p.all(.values), p.all(.gradients))
    let velocities = p.all(.velocities)
    let averages = p.hasAverages ? p.all(.averages) : nil
    let kept = Float(min(settings.averageDecay, Double(1 + step) / Double(10 + step)))
    let (momentum, weightDecay) = (Float(settings.momentum), Float(settings.weightDecay))
    for entry in p.entries where !entry.isFrozen {
      Workers.shared.run(over: entry.count) { start, count in
        let at = entry.offset + start
        if entry.role != .statistic {
          rt_step_nesterov(
            values + at, velocities + at, gradients + at, rate, momentum,
            entry.role == .weight ? weightDecay : 0,
            count)
        }
        if let averages { rt_blend(averages + at, values + at, kept, count) }
      }
    }
    p.touch()
  }

  /// Logits [class][image], by the statistics and with the effects of the mode.
  private func logits(_ pixels: UnsafePointer<Float>) -> [Float] {
    plan.forward(pixels, through: plan.logits)
    let tensor = plan.tensors[plan.logits]
    return [Float](unsafeUninitializedCapacity: tensor.count) { out, count in
      tensor.copyPlanes(to: out.baseAddress!)
      count = tensor.count
    }
  }

  private func backward(_ slope: [Float], to pixels: UnsafeMutablePointer<Float>) {
    rt_copy(logitBlock.base, slope, slope.count)
    plan.backward(logitGradients, passReLU: false, to: pixels)
  }

  /// Adds the gradients of the parameters, of these images, which were the last.
  private func addGradients(_ slope: [Float], _ images: UnsafePointer<Float>) {
    rt_copy(logitBlock.base, slope, slope.count)
    plan.addParameterGradients(logitGradients, of: images)
  }

  private func eachImage(_ body: (_ image: Int, _ at: Int) -> Void) {
    Workers.shared.run(images) { image, _ in body(image, image * imageFloats) }
  }

  /// What `perturb` made.
  package var perturbedPixels: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: perturbed.base, count: images * imageFloats)
  }
}
