import CKernels

/// Accuracy as it is and under attacks.
public enum RobustEvaluation {
  /// What became of one image.
  public struct Outcome: Sendable, Equatable {
    public let label: Int
    /// The class that it is taken for as it is.
    public var clean: Int
    /// The class that it is taken for where an attack has succeeded, by attack; else its label. An image that
    /// is misclassified as it is, is not attacked.
    public var attacked: [Int]

    public var isRight: Bool { clean == label }
    /// Whether attack k did not succeed.
    public func withstands(_ k: Int) -> Bool { attacked[k] == label }
  }

  /// How many images are classified rightly.
  public struct Counts: Sendable, Equatable {
    public var images = 0
    public var clean = 0
    /// The outcome under each attack.
    public var robust: [Int]

    public init(_ outcomes: some Sequence<Outcome>, attacks: Int) {
      robust = [Int](repeating: 0, count: attacks)
      for outcome in outcomes {
        images += 1
        clean += outcome.isRight ? 1 : 0
        for k in 0..<attacks where outcome.withstands(k) { robust[k] += 1 }
      }
    }

    public var cleanAccuracy: Double { images > 0 ? Double(clean) / Double(images) : 0 }
    public func robustAccuracy(_ k: Int = 0) -> Double {
      images > 0 ? Double(robust[k]) / Double(images) : 0
    }
  }

  /// Counts the images that are classified rightly as they are and under each of the attacks.
  /// - Throws: as `outcomes`.
  public static func counts(
    of function: any LogitFunction, on images: LabelledImages, under attacks: [AttackSettings]
  ) throws -> Counts {
    let outcomes = try outcomes(of: function, on: images, under: attacks) { _ in true }
    return Counts(outcomes.lazy.compactMap { $0 }, attacks: attacks.count)
  }

  /// Attacks each image by each of the attacks, apart from each other, until it is misclassified. As many
  /// images as the function takes are in work at once; where one is done, the next takes its place. The
  /// course of an attack depends on its settings, the image and its identifier, but not on the other images,
  /// save for how the function rounds.
  /// - Parameter progress: is told the share that is done, on this thread; false stops.
  /// - Returns: one for each image; nil: it was not done when `progress` stopped.
  /// - Throws: `RuntimeError`, or what reading an image threw.
  public static func outcomes(
    of function: any LogitFunction, on images: LabelledImages, under attacks: [AttackSettings],
    progress: (_ share: Double) -> Bool
  ) throws -> [Outcome?] {
    for attack in attacks { try attack.check() }
    let classes = function.classCount
    guard classes >= 2 else { throw RuntimeError.invalid("there are fewer than two classes") }
    let runs = attacks.map { AttackRuns($0, classCount: classes) }
    let (stride, capacity) = (function.stride, function.capacity)
    let (points, gradients) = (Buffer(capacity * stride), Buffer(capacity * stride))
    let (logits, logitGradients) = (Buffer(capacity * classes), Buffer(capacity * classes))
    var outcomes = [Outcome?](repeating: nil, count: images.count)
    var slots: [AttackSlot] = []
    var (next, done) = (0, 0)

    while true {
      while slots.count < capacity, next < images.count {
        let (label, pixels) = (images.label(next), Buffer(stride))
        guard (0..<classes).contains(label) else { throw RuntimeError.invalid("there is no class \(label)") }
        try images.read(next, pixels.base)
        let image = AttackedImage(pixels: pixels, label: label, identifier: images.identifier(next))
        slots.append(AttackSlot(index: next, image: image, attacks: runs))
        next += 1
      }
      if slots.isEmpty { return outcomes }

      let count = slots.count
      try slots.withUnsafeMutableBufferPointer { slots in
        let slots = UnsafeMutableBufferPointer(rebasing: slots[...])
        Workers.shared.run(count) { n, _ in
          rt_copy(points.base + n * stride, slots[n].point, stride)
        }
        try function.logits(of: points.base, count: count, to: logits.base)
        guard rt_all_finite(logits.base, count * classes) else {
          throw RuntimeError.notFinite("the logits became NaN or infinite under attack")
        }
        Workers.shared.run(count) { n, _ in
          slots[n].judge(
            UnsafeBufferPointer(start: logits.base + n * classes, count: classes),
            gradient: UnsafeMutableBufferPointer(start: logitGradients.base + n * classes, count: classes))
        }
        guard slots.contains(where: \.wantsGradient) else { return }
        try function.gradient(ofLogits: logitGradients.base, count: count, to: gradients.base)
        Workers.shared.run(count) { n, _ in
          if slots[n].wantsGradient { slots[n].advance(gradients.base + n * stride) }
        }
      }
      for slot in slots where slot.isDone { outcomes[slot.index] = slot.outcome }
      slots.removeAll { $0.isDone }
      done += count - slots.count
      let share = slots.reduce(Double(done)) { $0 + $1.progress } / Double(images.count)
      if !progress(share) { return outcomes }
    }
  }
}
