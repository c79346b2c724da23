import RobustRuntime
import Testing

/// What a run decides: its order of photos, step sizes and sizes of images, its best average, and its radius.
@Suite struct TrainingCourseTests {
  // MARK: Schedule

  @Test func stepSizesRiseAndFall() {
    let schedule = Schedule(phases: [.init(side: 16, share: 1)], steps: 100, peak: 0.2, warmUp: 0.1)
    let rates = (0..<100).map(schedule.rate)
    #expect(rates.allSatisfy { $0 > 0 && $0 <= 0.2 })
    #expect(zip(rates[..<9], rates[1..<10]).allSatisfy { $0 < $1 })
    #expect(zip(rates[10..<99], rates[11...]).allSatisfy { $0 > $1 })
    #expect(abs(rates.max()! - 0.2) < 1e-3 && rates[99] < 1e-3)
    // Half of the way down, half of the peak.
    #expect(abs(schedule.rate(54) - 0.1) < 0.01)
    #expect(abs(rates[0] - 0.2 * (1.0 / 101) / 0.1) < 1e-12)
  }

  @Test func withoutWarmUpTheFirstStepIsTheLargest() {
    let schedule = Schedule(phases: [.init(side: 16, share: 1)], steps: 3, peak: 1, warmUp: 0)
    #expect((0..<3).map(schedule.rate).allSatisfy { $0 > 0 && $0 < 1 })
    #expect(schedule.rate(0) > schedule.rate(1) && schedule.rate(1) > schedule.rate(2))
    let one = Schedule(phases: [.init(side: 16, share: 1)], steps: 1, peak: 1, warmUp: 0.9)
    #expect(one.rate(0) > 0 && one.rate(0) <= 1)
  }

  @Test func sizesFollowTheirShares() {
    let phases = [(64, 0.3), (96, 0.3), (128, 0.4)].map { Schedule.Phase(side: $0.0, share: $0.1) }
    for steps in [2, 7, 10, 1001] {
      let schedule = Schedule(phases: phases, steps: steps, peak: 1, warmUp: 0)
      let sides = (0..<steps).map(schedule.side)
      #expect(sides == sides.sorted() && sides.last == 128 && schedule.largest == 128)
      for done in [0, 1, steps / 2, steps] {
        let counts = [64, 96, 128].map { side in sides[..<min(done, steps)].count { $0 == side } }
        #expect(schedule.steps(ofFirst: min(done, steps)) == counts, "\(done) of \(steps)")
      }
    }
    let ten = Schedule(phases: phases, steps: 10, peak: 1, warmUp: 0)
    #expect(ten.steps(ofFirst: 10) == [3, 3, 4])
  }

  // MARK: The order of photos

  @Test func smallClassesAreShownMoreOften() {
    let counts = [900, 100, 25]
    let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
    let order = PhotoOrder(labels: labels, seed: 3)
    var shown = [Int](repeating: 0, count: labels.count)
    let epochs = 60
    for epoch in 0..<epochs {
      let photos = order.epoch(epoch)
      #expect(abs(photos.count - labels.count) < 120)
      var times = [Int](repeating: 0, count: labels.count)
      for photo in photos { times[photo] += 1 }
      for (photo, count) in times.enumerated() { shown[photo] += count }
      // No photo is shown twice more or less than another of its class.
      for label in 0..<3 {
        let own = labels.indices.filter { labels[$0] == label }.map { times[$0] }
        #expect(own.max()! - own.min()! <= 1)
      }
      // 1025 / 45 photos for each unit of a root, 5 of which are 25 photos.
      #expect(times.max()! <= 5)
    }
    // The classes' shares are as the square roots of their sizes: 30 : 10 : 5.
    let totals = (0..<3).map { label in
      labels.indices.reduce(0) { $0 + (labels[$1] == label ? shown[$1] : 0) }
    }
    let all = Double(totals.reduce(0, +))
    for (total, root) in zip(totals, [30.0, 10, 5]) {
      #expect(abs(Double(total) / all - root / 45) < 0.005)
    }
    #expect(shown.min()! > 0)
  }

  @Test func anEpochIsAPureFunctionOfSeedAndNumber() {
    let labels = (0..<500).map { $0 % 5 }
    let order = PhotoOrder(labels: labels, seed: 1)
    #expect(order.epoch(4) == PhotoOrder(labels: labels, seed: 1).epoch(4))
    #expect(order.epoch(4) != order.epoch(5))
    #expect(order.epoch(4) != PhotoOrder(labels: labels, seed: 2).epoch(4))
    // Classes of one size: all photos, each once.
    #expect(order.epoch(0).sorted() == Array(0..<500))
    #expect(PhotoOrder(labels: [7], seed: 1).epoch(9) == [0])
  }

  @Test func photosAreShuffled() {
    let order = PhotoOrder(labels: [Int](repeating: 0, count: 400), seed: 5)
    var (firsts, ascents, correlation) = (Set<Int>(), 0, 0.0)
    for epoch in 0..<50 {
      let photos = order.epoch(epoch)
      firsts.insert(photos[0])
      ascents += zip(photos, photos.dropFirst()).count { $0 < $1 }
      correlation += photos.enumerated().reduce(0) { $0 + (Double($1.0) - 199.5) * (Double($1.1) - 199.5) }
    }
    #expect(firsts.count > 40)
    // Half of the neighbours ascend, to within five deviations: (n + 1) / 12 of each epoch.
    #expect(abs(Double(ascents) - 50 * 199.5) < 5 * (50 * 401.0 / 12).squareRoot())
    let unit = 50 * 400 * (400.0 * 400 - 1) / 12
    #expect(abs(correlation / unit) < 5 / (50 * 399.0).squareRoot())
  }

  // MARK: The best average

  private static func measured(_ step: Int, _ clean: Double, _ robust: Double, _ oneStep: Double)
    -> AverageChoice.Measurement
  { .init(step: step, clean: clean, robust: robust, oneStep: oneStep) }

  @Test func theBestAverageIsThatOfTheHighestRobustAccuracy() {
    var choice = AverageChoice()
    #expect(choice.best == nil)
    func judge(_ m: AverageChoice.Measurement) -> AverageChoice.Verdict {
      choice.judge(m, attackSteps: 1, photos: 500)
    }
    #expect(judge(Self.measured(10, 0.5, 0.3, 0.35)) == .best)
    #expect(judge(Self.measured(20, 0.6, 0.29, 0.36)) == .worse)
    #expect(choice.best?.step == 10)
    // The same accuracy under attack: the better one on clean photos, else the later one.
    #expect(judge(Self.measured(30, 0.55, 0.3, 0.35)) == .best)
    #expect(judge(Self.measured(40, 0.5, 0.3, 0.35)) == .worse)
    #expect(judge(Self.measured(50, 0.55, 0.3, 0.35)) == .best)
    #expect(judge(Self.measured(60, 0.4, 0.4, 0.45)) == .best)
    #expect(choice.best == Self.measured(60, 0.4, 0.4, 0.45))
  }

  /// (accuracy under several steps, under one, steps of the training's attack, photos) after 0.4 and 0.5.
  @Test(arguments: [
    (0.1, 0.8, 1, 500, AverageChoice.Verdict.failed),
    (0.0, 0.51, 1, 500, .failed),
    // A fall of a quarter is none yet.
    (0.3, 0.8, 1, 500, .worse),
    // All falls: the network has forgotten, it does not mislead.
    (0.1, 0.2, 1, 500, .worse),
    // Three steps do not fail so.
    (0.1, 0.8, 3, 500, .worse),
    // Of 20 photos it may be chance.
    (0.2, 0.8, 1, 20, .worse),
    (0.0, 0.8, 1, 20, .failed),
    (0.5, 0.8, 1, 500, .best),
  ])
  func oneStepTrainingThatFailsIsFound(
    robust: Double, oneStep: Double, attackSteps: Int, photos: Int, verdict: AverageChoice.Verdict
  ) {
    var choice = AverageChoice()
    _ = choice.judge(Self.measured(10, 0.6, 0.4, 0.5), attackSteps: 1, photos: photos)
    #expect(
      choice.judge(Self.measured(20, 0.7, robust, oneStep), attackSteps: attackSteps, photos: photos)
        == verdict)
    #expect(choice.best?.step == (verdict == .best ? 20 : 10))
  }

  /// What is gone back to is the best average, and the next step is that of a network which begins there.
  @Test func goingBackLeavesNothingOfTheLaterSteps() throws {
    let bytes = HashedResNet(blocks: [1], widths: [8], stem: 3, classes: 3).bytes
    func trained() throws -> (TrainableModel, Trainer) {
      let model = try bytes.withUnsafeBytes { try TrainableModel($0, name: "hashed") }
      return (model, try Trainer(model, settings: Trainer.Settings(), images: 4, side: 16))
    }
    func step(_ trainer: Trainer, _ number: Int) throws {
      _ = try trainer.step(
        uniform("images \(number)", 4 * 3 * 256), labels: [0, 1, 2, 0], rate: 0.05, step: number,
        random: (1, UInt64(number) << 8))
    }
    let (model, trainer) = try trained()
    for number in 0..<3 { try step(trainer, number) }
    model.parameters.copy(.averages, to: .best)
    for number in 3..<6 { try step(trainer, number) }
    let best = model.parameters.entries.indices.map { model.parameters.values($0, .best) }
    #expect(best != model.parameters.entries.indices.map { model.parameters.values($0) })
    model.returnToBest()
    for (index, values) in best.enumerated() {
      #expect(model.parameters.values(index) == values)
      #expect(model.parameters.values(index, .averages) == values)
      #expect(model.parameters.values(index, .velocities).allSatisfy { $0 == 0 })
    }
    let (other, otherTrainer) = try trained()
    for (index, values) in best.enumerated() {
      for kind in [Parameters.Kind.values, .averages] {
        other.parameters.pointer(index, kind).update(from: values, count: values.count)
      }
    }
    other.parameters.touch()
    for t in [trainer, otherTrainer] {
      t.settings.attack.steps = 3
      try step(t, 6)
    }
    for index in best.indices {
      #expect(model.parameters.values(index) == other.parameters.values(index))
      #expect(model.parameters.values(index, .averages) == other.parameters.values(index, .averages))
    }
  }

  // MARK: The radius

  @Test func theRadiusMovesInBoundedSteps() {
    let control = RadiusControl(accuracy: 0.6, eps: 2)
    #expect(control.next(2, measured: 0.6, done: 0.5) == 2)
    #expect(abs(control.next(2, measured: 0.55, done: 0.5) - 2.1) < 1e-12)
    #expect(abs(control.next(2, measured: 0.65, done: 0.5) - 1.9) < 1e-12)
    #expect(abs(control.next(2, measured: 0.1, done: 0.5) - 2.2) < 1e-12)
    #expect(abs(control.next(2, measured: 1, done: 0.5) - 1.8) < 1e-12)
    #expect(control.next(3.9, measured: 0, done: 0.5) == 4)
    #expect(control.next(1.05, measured: 1, done: 0.5) == 1)
    // One that begins beyond the limits comes in, and does not leap.
    #expect(control.next(9, measured: 0, done: 0.5) == 9)
    #expect(abs(control.next(9, measured: 1, done: 0.5) - 8.1) < 1e-12)
    #expect(abs(control.next(0.5, measured: 0, done: 0.5) - 0.55) < 1e-12)
    #expect(control.next(0.5, measured: 1, done: 0.5) == 0.5)
  }

  @Test func theRadiusStaysInTheFirstSixthAndTheLastThird() {
    let control = RadiusControl(accuracy: 0.6, eps: 2)
    for done in [0, 0.1, 0.16, 2.0 / 3, 0.7, 1] { #expect(control.next(2, measured: 0.1, done: done) == 2) }
    for done in [0.17, 0.4, 0.66] { #expect(control.next(2, measured: 0.1, done: done) > 2) }
  }

  /// A network whose accuracy falls with the radius it is measured at and rises with that of the training.
  @Test func theWantedAccuracyComesOut() {
    let control = RadiusControl(accuracy: 0.5, eps: 2)
    var radius = 2.0
    for step in 0..<60 {
      let accuracy = 0.35 + 0.05 * radius
      radius = control.next(radius, measured: accuracy, done: Double(step) / 60)
    }
    #expect(abs(0.35 + 0.05 * radius - 0.5) < 0.01)
  }
}
