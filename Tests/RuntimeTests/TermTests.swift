import RobustRuntime
import Testing

/// Each term of an objective against PyTorch in double precision, with the default model.
@Suite struct TermTests {
  static let mixture = [ClassWeight(3, weight: 0.75), ClassWeight(5, weight: 0.25)]
  static var kinds: [(String, Objective.Term.Kind)] {
    let (target, mask) = (image("target", 2, 64, 64), region("region", 2, 64, 64))
    let reference = (image: image("reference", 1, 48, 80), region: region("reference", 1, 48, 80))
    return [
      ("class", .crossEntropy(mixture)),
      ("logit", .logit(mixture)),
      ("feature", .feature(layer: "layer2.1", unit: 3, region: mask)),
      ("representation", .representation(layer: nil, target: target, relative: false)),
      ("relative", .representation(layer: "layer3.0", target: target, relative: true)),
      ("pixels", .pixels(target: target, region: mask)),
      ("smoothness", .smoothness(region: mask)),
      ("entropy", .entropy),
      (
        "features",
        .features(
          layer: "layer3.0",
          target: FeatureMap(
            count: 2, channels: 128, height: 8, width: 8, values: uniform("goal", 2 * 128 * 64)),
          relative: true, channelWeights: uniform("weights", 128))
      ),
      (
        "measurement",
        .measurement(
          target: image("small", 1, 16, 16), region: region("small mask", 2, 16, 16), filter: .box, sigma: 0)
      ),
      (
        "cubic measurement",
        .measurement(target: image("half", 2, 32, 32), region: nil, filter: .cubic, sigma: 1.2)
      ),
      (
        "statistics",
        .statistics(
          layer: "layer1.1", .all, target: reference.image, region: mask, targetRegion: reference.region)
      ),
      (
        "covariance",
        .statistics(
          layer: "layer1.1", .covariance, target: reference.image, region: mask,
          targetRegion: reference.region)
      ),
    ]
  }

  @Test(arguments: 0..<13, [1.0, -2.5]) func agreesWithPyTorch(_ index: Int, weight: Double) throws {
    let (name, kind) = TermTests.kinds[index]
    let golden = try Golden("photos")
    let (losses, gradient) = try photos.evaluate(
      Objective([Objective.Term(weight: weight, kind)]), at: image("image", 2, 64, 64))
    #expect(relativeError(losses.map { $0 / weight }, golden["\(name).losses"]) < 1e-4)
    let error = golden.error(name, gradient!.pixels.map { $0 / Float(weight) })
    #expect(error < 1e-4)
  }

  @Test func lastReLUPassesTheGradient() throws {
    let golden = try Golden("photos")
    let objective = Objective([Objective.Term(.crossEntropy(TermTests.mixture))])
    let (losses, gradient) = try photos.evaluate(objective, at: image("image", 2, 64, 64), passReLU: true)
    #expect(relativeError(losses, golden["class.pass.losses"]) < 1e-4)
    #expect(golden.error("class.pass", gradient!.pixels) < 1e-4)
  }

  @Test func termsAdd() throws {
    let x = image("image", 2, 64, 64)
    var (losses, gradient) = ([0.0, 0.0], [Float](repeating: 0, count: x.pixels.count))
    for (_, kind) in TermTests.kinds {
      let one = try photos.evaluate(Objective([Objective.Term(weight: 0.5, kind)]), at: x)
      for n in 0..<2 { losses[n] += one.losses[n] }
      for i in gradient.indices { gradient[i] += one.gradient!.pixels[i] }
    }
    let all = try photos.evaluate(Objective(TermTests.kinds.map { Objective.Term(weight: 0.5, $0.1) }), at: x)
    #expect(relativeError(all.losses, losses) < 1e-6)
    #expect(relativeError(all.gradient!.pixels, gradient) < 1e-5)
  }

  /// A custom term that does what the other terms do.
  @Test func customTermSeesAndSetsEverything() throws {
    let x = image("image", 2, 64, 64)
    let plain = Objective([
      Objective.Term(weight: 2, .logit([ClassWeight(4)])),
      Objective.Term(weight: 2, .feature(layer: "layer2.1", unit: 3, region: nil)),
      Objective.Term(weight: 2, .pixels(target: ImageBatch(count: 1, height: 64, width: 64), region: nil)),
    ])
    var seen: [Int] = []
    let custom = Objective.Term(
      weight: 2,
      .custom(layers: ["stem", "layer2.1"]) { at in
        seen.append(at.index)
        let feature = at.features[1]
        let area = feature.height * feature.width
        at.loss = -Double(at.logits[4])
        at.logitGradient[4] = -1
        for i in 3 * area..<4 * area {
          at.loss -= Double(feature.values[i]) / Double(area)
          feature.gradient[i] = -1 / Float(area)
        }
        for (i, value) in at.image.enumerated() {
          at.loss += Double(value * value) / Double(at.image.count)
          at.imageGradient[i] = 2 * value / Float(at.image.count)
        }
      })
    let (expected, own) = (try photos.evaluate(plain, at: x), try photos.evaluate(Objective([custom]), at: x))
    #expect(seen == [0, 1])
    #expect(relativeError(own.losses, expected.losses) < 1e-6)
    #expect(relativeError(own.gradient!.pixels, expected.gradient!.pixels) < 1e-5)
  }

  @Test func customTermMayUseTheClassifier() throws {
    let x = image("image", 1, 64, 64)
    let term = Objective.Term(
      .custom(layers: []) { at in
        let logits = try photos.logits(x)
        at.loss = Double(logits[0] - at.logits[0])
      })
    #expect(try photos.evaluate(Objective([term]), at: x).losses == [0])
  }

  @Test func customTermsErrorsComeThrough() throws {
    struct Refusal: Error {}
    let term = Objective.Term(.custom(layers: []) { _ in throw Refusal() })
    #expect(throws: Refusal.self) { try photos.evaluate(Objective([term]), at: image("image", 1, 64, 64)) }
  }

  @Test func termsThatDoNotFitAreRefused() throws {
    let kinds: [Objective.Term.Kind] = [
      .crossEntropy([ClassWeight(45)]), .logit([ClassWeight(-1)]),
      .feature(layer: "layer9.0", unit: 0, region: nil), .feature(layer: "stem", unit: 32, region: nil),
      .pixels(target: ImageBatch(count: 1, height: 64, width: 63), region: nil),
      .pixels(target: ImageBatch(count: 3, height: 64, width: 64), region: nil),
      .smoothness(region: Region(count: 1, height: 1, width: 1, values: [1])),
      .representation(layer: "stem", target: ImageBatch(count: 1, height: 32, width: 32), relative: false),
      .features(
        layer: "stem",
        target: FeatureMap(count: 1, channels: 32, height: 1, width: 1, values: uniform("g", 32)),
        relative: false),
      .representation(
        layer: nil, target: ImageBatch(count: 1, height: 64, width: 64), relative: false, channelWeights: [1]),
      .measurement(target: ImageBatch(count: 1, height: 65, width: 8), region: nil, filter: .box, sigma: 0),
      .measurement(target: ImageBatch(count: 1, height: 8, width: 8), region: nil, filter: .box, sigma: -1),
      .measurement(
        target: ImageBatch(count: 1, height: 8, width: 8), region: region("r", 1, 64, 64), filter: .box,
        sigma: 0),
      .custom(layers: ["nowhere"]) { _ in }, .custom(layers: []) { $0.loss = .nan },
    ]
    for kind in kinds {
      let error = #expect(throws: RuntimeError.self) {
        try photos.evaluate(Objective([Objective.Term(kind)]), at: image("image", 2, 64, 64))
      }
      #expect(error.map { !$0.description.contains("\n") } ?? false)
    }
  }
}
