import RobustRuntime
import Testing

/// Step rules, what they remember, and when an ascent ends.
@Suite struct SteppingTests {
  private let start = ImageBatch(
    count: 2, height: 16, width: 20, pixels: uniform("start", 2 * 3 * 16 * 20).map { 0.3 + 0.4 * $0 })

  /// An objective with this gradient at each step.
  private func objective(_ gradient: @escaping (_ step: Int, _ value: Int) -> Float) -> Objective {
    Objective([
      Objective.Term(
        .custom(layers: []) { at in
          for i in 0..<at.imageGradient.count { at.imageGradient[i] = gradient(at.step, i) }
        })
    ])
  }

  @Test func adamAgreesWithPyTorch() throws {
    let golden = try Golden("photos")
    var start = image("image", 1, 128, 128)
    for i in start.pixels.indices { start.pixels[i] = 0.25 + 0.5 * start.pixels[i] }
    var settings = AscentSettings(steps: 10, stepSize: 0.01)
    settings.rule = .adam
    let objective = Objective([Objective.Term(.crossEntropy([ClassWeight(3)]))])
    let outcome = try photos.ascend(from: start, objective: objective, settings: settings)
    #expect(golden.error("adam", zip(outcome.images.pixels, start.pixels).map { $0 - $1 }) < 1e-2)
  }

  /// The first steps of the average are not held back by the zeros it began with.
  @Test func momentumAveragesGradients() throws {
    let first = uniform("first", start.stride)
    let second = uniform("second", start.stride)
    var settings = AscentSettings(steps: 2, stepSize: 0.01)
    (settings.rule, settings.momentum) = (.plain, 0.6)
    let result = try photos.ascend(
      from: start, objective: objective { $0 == 0 ? first[$1] : second[$1] }, settings: settings
    ).images
    let expected = (0..<start.stride).map { i in
      let average = (0.6 * 0.4 * first[i] + 0.4 * second[i]) / (1 - 0.36)
      return start.pixels[i] - 0.01 * (first[i] + average)
    }
    #expect(relativeError(result.pixels[..<start.stride], expected) < 1e-5)
  }

  /// Each resolution has the same share, and the step its length.
  @Test func levelsSpreadTheGradient() throws {
    let alternating = { (_: Int, i: Int) in Float((i / 20 + i % 20) % 2 == 0 ? 1 : -1) }
    let flat = { (_: Int, _: Int) in Float(1) }
    func move(_ levels: Int, _ gradient: @escaping (Int, Int) -> Float) throws -> [Float] {
      var settings = AscentSettings(steps: 1, stepSize: 0.1)
      (settings.rule, settings.levels) = (.plain, levels)
      return zip(
        try photos.ascend(from: start, objective: objective(gradient), settings: settings).images.pixels,
        start.pixels
      ).map { ($1 - $0) / 0.1 }
    }
    // What is the same at all resolutions stays.
    #expect(try move(4, flat).allSatisfy { abs($0 - 1) < 1e-3 })
    // A pulse spreads.
    let pulse = { (_: Int, i: Int) in Float(i == 8 * 20 + 10 ? 1 : 0) }
    let spread = try move(3, pulse)
    #expect(spread[8 * 20 + 10] > spread[8 * 20 + 12] && spread[8 * 20 + 12] > 1e-3)
    // One resolution is the gradient itself.
    #expect(relativeError(try move(1, alternating)[..<320], (0..<320).map { alternating(0, $0) }) < 1e-4)
  }

  @Test func noiseIsSeenButNotKept() throws {
    var seen: [[Float]] = []
    let watcher = Objective([Objective.Term(.custom(layers: []) { at in seen.append(Array(at.image)) })])
    var settings = AscentSettings(steps: 2, stepSize: 1)
    (settings.rule, settings.noise, settings.seed) = (.plain, 0.1, 5)
    let outcome = try photos.ascend(from: start, objective: watcher, settings: settings)
    #expect(outcome.images == start)
    // The start as it is, two steps of two images, the end as it is.
    #expect(seen.count == 8)
    let noise = zip(seen[2], start.pixels).map { Double($0 - $1) }
    let deviation = (noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)).squareRoot()
    #expect(abs(deviation - 0.1) < 0.01)
    #expect(seen[2] != seen[4] && seen[0] == Array(start.pixels[..<start.stride]))
    let first = seen
    seen = []
    _ = try photos.ascend(from: start, objective: watcher, settings: settings)
    #expect(seen == first)
  }

  @Test func endsWhereTheLossIsLowEnough() throws {
    let loss = Objective([
      Objective.Term(.custom(layers: []) { at in at.loss = 10 - Double(at.step) + Double(at.index) })
    ])
    var settings = AscentSettings(steps: 30, stepSize: 1)
    settings.stopLoss = 6
    let outcome = try photos.ascend(from: start, objective: loss, settings: settings)
    #expect(outcome.stepsDone == 5 && !outcome.stopped)
    #expect(outcome.losses == [5, 6])
  }

  @Test func endsWhenPatienceIsOver() throws {
    let loss = Objective([
      Objective.Term(.custom(layers: []) { at in at.loss = at.index == 0 ? 1 : max(5, 10 - Double(at.step)) })
    ])
    var settings = AscentSettings(steps: 100, stepSize: 1)
    settings.patience = 4
    let outcome = try photos.ascend(from: start, objective: loss, settings: settings)
    // The second image falls until step 5.
    #expect(outcome.stepsDone == 9 && !outcome.stopped)
  }
}
