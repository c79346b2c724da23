import RobustRuntime
import Testing

@Suite struct AttackTests {
  private func attack(
    _ method: AttackSettings.Method, _ norm: PerturbationNorm, _ radius: Double, steps: Int = 40,
    _ change: (inout AttackSettings) -> Void = { _ in }
  ) -> AttackSettings {
    var settings = AttackSettings(method, norm: norm, radius: radius, steps: steps)
    change(&settings)
    return settings
  }

  private func outcomes(
    _ function: any LogitFunction, _ images: LabelledImages, _ attacks: [AttackSettings]
  ) throws -> [RobustEvaluation.Outcome] {
    try RobustEvaluation.outcomes(of: function, on: images, under: attacks) { _ in true }.map { $0! }
  }

  // MARK: the network's logits and gradients

  @Test func networkAgreesWithTheClassifier() throws {
    let x = image("image", 3, 32, 40)
    let (stride, classes) = (x.stride, photos.facts.classes.count)
    let function = try photos.logitFunction(capacity: 4, height: 32, width: 40)
    var pixels = x.pixels + [Float](repeating: 0.5, count: stride)
    var logits = [Float](repeating: 0, count: 3 * classes)
    try function.logits(of: pixels, count: 3, to: &logits)
    #expect(relativeError(logits, try photos.logits(x)) < 1e-5)

    // The gradient of logit 7 less half of logit 2, image by image.
    var gradient = [Float](repeating: 0, count: 3 * classes)
    for n in 0..<3 { (gradient[n * classes + 7], gradient[n * classes + 2]) = (1, -0.5) }
    try function.gradient(ofLogits: gradient, count: 3, to: &pixels)
    let objective = Objective([
      Objective.Term(weight: 1, .logit([ClassWeight(7), ClassWeight(2, weight: -0.5)]))
    ])
    let expected = try photos.evaluate(objective, at: x).gradient!.pixels
    #expect(
      min(
        relativeError(pixels.prefix(3 * stride), expected),
        relativeError(pixels.prefix(3 * stride), expected.map { -$0 })) < 1e-4)
  }

  @Test func someClassesAreLookedAtAlone() throws {
    let x = image("image", 1, 32, 32)
    let function = try photos.logitFunction(capacity: 1, height: 32, width: 32, classes: [5, 0, 13])
    var logits = [Float](repeating: 0, count: 3)
    try function.logits(of: x.pixels, count: 1, to: &logits)
    let all = try photos.logits(x)
    #expect(function.classCount == 3)
    #expect(relativeError(logits, [all[5], all[0], all[13]]) < 1e-5)

    var gradient = [Float](repeating: 0, count: x.stride)
    try function.gradient(ofLogits: [0, 0, 1], count: 1, to: &gradient)
    // By finite differences along the gradient itself.
    let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    func logit(_ length: Double) throws -> Double {
      let moved = zip(x.pixels, gradient).map { $0 + Float(length * Double($1) / norm) }
      try function.logits(of: moved, count: 1, to: &logits)
      return Double(logits[2])
    }
    let slope = try (logit(0.01) - logit(-0.01)) / 0.02
    #expect(abs(slope / norm - 1) < 0.02, "\(slope) \(norm)")
  }

  @Test func aPlanForFewImagesTakesTheirPlace() throws {
    let x = image("image", 9, 32, 32)
    let function = try photos.logitFunction(capacity: 9, height: 32, width: 32)
    let classes = photos.facts.classes.count
    let all = try photos.logits(x)
    for count in [9, 5, 4, 1, 2, 9] {
      var logits = [Float](repeating: 0, count: count * classes)
      try function.logits(of: x.pixels, count: count, to: &logits)
      #expect(relativeError(logits, all.prefix(count * classes)) < 1e-5)
    }
  }

  // MARK: where points may lie

  @Test(
    arguments: AttackSettings.Method.allCases, PerturbationNorm.allCases)
  func pointsStayInTheBallAndInTheBox(_ method: AttackSettings.Method, _ norm: PerturbationNorm) throws {
    guard method == .pgd || method == .apgd else { return }
    let function = LinearLogits("box", classes: 4, side: 4, capacity: 1, biases: [100, 0, 0, 0])
    let x = image("edge", 1, 4, 4)
    let radius = norm == .l2 ? 0.8 : 0.15
    var (points, largest) = (0, 0.0)
    var isInBox = true
    function.sees = { point in
      points += 1
      let changes = zip(point, x.pixels).map { Double($0) - Double($1) }
      largest = max(
        largest,
        norm == .l2
          ? changes.reduce(0) { $0 + $1 * $1 }.squareRoot() : changes.reduce(0) { max($0, abs($1)) })
      isInBox = isInBox && point.allSatisfy { (0...1).contains($0) }
    }
    for loss in AttackSettings.Loss.allCases {
      (points, largest) = (0, 0)
      let settings = attack(method, norm, radius, steps: 10) { ($0.loss, $0.restarts) = (loss, 2) }
      let result = try outcomes(function, LabelledImages(x, labels: [0]), [settings])
      #expect(result[0].isRight && result[0].withstands(0))
      // The image itself, and in each run the start and ten steps.
      #expect(points == 1 + 11 * 2 * (loss == .targeted ? 3 : 1))
      #expect(isInBox)
      #expect(largest <= radius * (1 + 1e-6) && largest > 0.5 * radius)
    }
  }

  // MARK: minimal distances of a linear model

  /// The least size of a step from x, within 0...1, that makes w·x grow by `gain`; by bisection of the
  /// multiplier.
  private func leastStep(_ x: [Float], _ w: [Double], gain: Double, _ norm: PerturbationNorm) -> Double {
    func step(_ length: Double) -> [Double] {
      zip(x, w).map { x, w in
        let way = norm == .l2 ? length * w : length * (w > 0 ? 1 : w < 0 ? -1 : 0)
        return min(max(Double(x) + way, 0), 1) - Double(x)
      }
    }
    var (low, high) = (0.0, 1e4)
    for _ in 0..<200 {
      let middle = (low + high) / 2
      let reached = zip(step(middle), w).reduce(0) { $0 + $1.0 * $1.1 }
      if reached < gain { low = middle } else { high = middle }
    }
    let found = step(high)
    return norm == .l2
      ? found.reduce(0) { $0 + $1 * $1 }.squareRoot() : found.reduce(0) { max($0, abs($1)) }
  }

  /// `spread`: how far values lie from a half, 1 up to the bounds, so that these are met.
  @Test(arguments: PerturbationNorm.allCases, [0.2, 1.0])
  func attacksFindTheLeastDistanceOfALinearModel(_ norm: PerturbationNorm, _ spread: Float) throws {
    let function = LinearLogits("linear", classes: 5, side: 5, capacity: 6)
    var x = image("linear", 12, 5, 5)
    for i in x.pixels.indices { x.pixels[i] = 0.5 + spread * (x.pixels[i] - 0.5) }
    if spread == 1 {
      for i in stride(from: 0, to: x.pixels.count, by: 3) { x.pixels[i] = x.pixels[i].rounded() }
    }
    for n in 0..<x.count {
      let one = Array(x.pixels[n * x.stride..<(n + 1) * x.stride])
      let z = function.exactLogits(one)
      let label = z.indices.max { z[$0] < z[$1] }!
      let least = z.indices.filter { $0 != label }.map { t in
        let w = zip(function.weights[t], function.weights[label]).map { $0 - $1 }
        return leastStep(one, w, gain: z[label] - z[t], norm)
      }.min()!
      let images = LabelledImages(
        ImageBatch(count: 1, height: 5, width: 5, pixels: one), labels: [label])
      for (method, loss) in [
        (.fab, .crossEntropy), (.apgd, .margin), (.apgd, .targeted), (.ensemble, .crossEntropy),
      ] as [(AttackSettings.Method, AttackSettings.Loss)] {
        let found = try outcomes(
          function, images,
          [0.999, 1.02].map { share in
            attack(method, norm, share * least, steps: 100) { $0.loss = loss }
          })
        #expect(found[0].withstands(0), "\(method) \(loss) within less than the least distance")
        #expect(!found[0].withstands(1), "\(method) \(loss) at image \(n)")
      }
    }
  }

  // MARK: batches, threads, strength

  @Test(arguments: AttackSettings.Method.allCases)
  func resultsDoNotDependOnTheBatch(_ method: AttackSettings.Method) throws {
    let images = CurvedLogits(capacity: 1).ownImages(24)
    let attacks = [(PerturbationNorm.l2, 0.35), (.linf, 0.06)].map { norm, radius in
      attack(method, norm, radius, steps: 12) { $0.restarts = 2 }
    }
    let expected = try outcomes(CurvedLogits(capacity: 1), images, attacks)
    #expect(expected.contains { $0.withstands(0) } && expected.contains { !$0.withstands(0) })
    for capacity in [3, 7, 40] {
      #expect(try outcomes(CurvedLogits(capacity: capacity), images, attacks) == expected)
    }
    // Nor on which other images there are.
    let few = LabelledImages(
      count: 4, label: { images.label($0 + 9) }, identifier: { images.identifier($0 + 9) },
      read: { try images.read($0 + 9, $1) })
    #expect(try outcomes(CurvedLogits(capacity: 3), few, attacks) == Array(expected[9..<13]))
  }

  @Test func resultsDoNotDependOnThreads() throws {
    let x = image("threads", 6, 32, 32)
    let z = try photos.logits(x)
    let classes = photos.facts.classes.count
    let labels = (0..<6).map { n in (0..<classes).max { z[n * classes + $0] < z[n * classes + $1] }! }
    let attacks = [attack(.pgd, .l2, 0.3, steps: 5), attack(.apgd, .linf, 0.01, steps: 8)]
    let function = try photos.logitFunction(capacity: 4, height: 32, width: 32)
    var results: [[RobustEvaluation.Outcome]] = []
    for threads in [1, 2, 3] {
      configure(threads: threads)
      results.append(try outcomes(function, LabelledImages(x, labels: labels), attacks))
    }
    configure(threads: 2)
    #expect(results[0] == results[1] && results[1] == results[2])
    #expect(results[0].allSatisfy { $0.isRight })
  }

  @Test(arguments: PerturbationNorm.allCases)
  func moreIsNeverWeaker(_ norm: PerturbationNorm) throws {
    let function = CurvedLogits(capacity: 16)
    let images = function.ownImages(60)
    let radius = norm == .l2 ? 0.3 : 0.05
    func broken(_ method: AttackSettings.Method, _ change: (inout AttackSettings) -> Void) throws -> Set<Int>
    {
      let found = try outcomes(function, images, [attack(method, norm, radius, steps: 10, change)])
      return Set(found.indices.filter { !found[$0].withstands(0) })
    }
    let whole = try broken(.ensemble) { _ in }
    for part in [
      try broken(.apgd) { _ in }, try broken(.apgd) { $0.loss = .targeted }, try broken(.fab) { _ in },
    ] {
      #expect(part.isSubset(of: whole))
    }
    #expect(!whole.isEmpty && whole.count < 60)
    for loss in AttackSettings.Loss.allCases {
      for method in [AttackSettings.Method.pgd, .apgd] {
        let once = try broken(method) { $0.loss = loss }
        let often = try broken(method) { ($0.loss, $0.restarts) = (loss, 3) }
        #expect(once.isSubset(of: often))
      }
    }
    let (one, four) = (try broken(.fab) { $0.targets = 1 }, try broken(.fab) { $0.targets = 4 })
    #expect(one.isSubset(of: four))
  }

  @Test func fewClassesAreTargetedByTheirMargin() throws {
    for classes in [2, 3] {
      let function = CurvedLogits(classes: classes, capacity: 8)
      let images = function.ownImages(20)
      let found = try outcomes(
        function, images,
        [
          attack(.apgd, .l2, 0.5, steps: 15) { $0.loss = .targeted },
          attack(.pgd, .l2, 0.5, steps: 15) { $0.loss = .targeted }, attack(.ensemble, .l2, 0.5, steps: 15),
        ])
      #expect(found.contains { !$0.withstands(0) })
      #expect(found.filter { !$0.withstands(2) }.count >= found.filter { !$0.withstands(0) }.count)
    }
  }

  // MARK: the rest

  @Test func misclassifiedImagesAreNotAttacked() throws {
    let function = CurvedLogits(capacity: 4)
    let own = function.ownImages(6)
    let wrong = LabelledImages(
      count: 6, label: { (own.label($0) + 1) % 5 }, identifier: own.identifier, read: own.read)
    let counts = try RobustEvaluation.counts(of: function, on: wrong, under: [attack(.pgd, .l2, 1)])
    #expect((counts.images, counts.clean, counts.robust) == (6, 0, [0]))
    let none = try RobustEvaluation.counts(of: function, on: own, under: [])
    #expect((none.clean, none.robust, none.cleanAccuracy) == (6, [], 1))
  }

  @Test func anEvaluationCanBeStopped() throws {
    let function = CurvedLogits(capacity: 2)
    var shares: [Double] = []
    let found = try RobustEvaluation.outcomes(
      of: function, on: function.ownImages(9), under: [attack(.pgd, .l2, 0.01, steps: 5)]
    ) {
      shares.append($0)
      return $0 < 0.5
    }
    #expect(found.contains { $0 == nil } && found.contains { $0 != nil })
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test func nonsenseIsRefused() throws {
    let function = CurvedLogits(capacity: 2)
    for settings in [
      attack(.pgd, .l2, 0), attack(.pgd, .l2, -1), attack(.pgd, .linf, .nan), attack(.pgd, .l2, 1, steps: 0),
      attack(.pgd, .l2, 1) { $0.restarts = 0 }, attack(.pgd, .l2, 1) { $0.stepSize = 0 },
    ] {
      #expect(throws: RuntimeError.self) { try outcomes(function, function.ownImages(2), [settings]) }
    }
    let strange = LabelledImages(image("own", 1, 4, 4), labels: [5])
    #expect(throws: RuntimeError.self) { try outcomes(function, strange, []) }
    #expect(throws: RuntimeError.self) { try photos.logitFunction(capacity: 0, height: 32, width: 32) }
    #expect(throws: RuntimeError.self) { try photos.logitFunction(capacity: 1, height: 2, width: 32) }
    #expect(throws: RuntimeError.self) {
      try photos.logitFunction(capacity: 1, height: 32, width: 32, classes: [45])
    }
  }

  @Test func stepsAreAsLongAsAdvertised() {
    #expect(attack(.pgd, .l2, 2, steps: 20).effectiveStepSize == 0.25)
    #expect(attack(.pgd, .l2, 2, steps: 1).effectiveStepSize == 2.5)
    #expect(attack(.pgd, .l2, 2, steps: 50) { $0.stepSize = 0.3 }.effectiveStepSize == 0.3)
  }
}
