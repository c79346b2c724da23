import RobustRuntime
import Testing

/// Whole networks against PyTorch in double precision.
@Suite struct NetworkTests {
  struct Case: Sendable {
    let golden: String
    let network: HashedResNet
    var image = "image"
    let count, height, width: Int
    /// Of the gradient. Among eleven million activations there are some so near to 0 that their ReLU switches by the
    /// rounding of floats alone, each of which changes the gradient by up to a hundredth; PyTorch's floats do the same.
    var gradientError = 1e-4
  }

  static let cases = [
    Case(
      golden: "resnet18", network: HashedResNet(blocks: [2, 2, 2, 2], widths: [64, 128, 256, 512]), count: 2,
      height: 97, width: 131),
    Case(
      golden: "resnet50",
      network: HashedResNet(blocks: [3, 4, 6, 3], widths: [64, 128, 256, 512], bottleneck: true), count: 1,
      height: 224, width: 224, gradientError: 2e-2),
    Case(
      golden: "resnet50-small",
      network: HashedResNet(blocks: [3, 4, 6, 3], widths: [64, 128, 256, 512], bottleneck: true),
      image: "image 1", count: 1, height: 96, width: 80),
    Case(
      golden: "cifar",
      network: HashedResNet(
        blocks: [1, 2], widths: [16, 32], bottleneck: true, stem: 3, stemStride: 1, shortcut: "shortcut",
        head: "linear", groups: 4), count: 3, height: 21, width: 16),
  ]

  /// To the bit, in sizes whose maps are small or large.
  @Test(arguments: [(32, 32), (64, 64), (96, 128)])
  func aBatchComputesWhatItsImagesCompute(_ size: (height: Int, width: Int)) throws {
    let classifier = try HashedResNet(blocks: [2, 2, 2], widths: [32, 64, 128], bottleneck: false)
      .classifier()
    let objective = Objective([
      Objective.Term(.crossEntropy([ClassWeight(1)])),
      Objective.Term(.feature(layer: "layer2.1", unit: 3, region: nil)),
    ])
    for count in [2, 5, 9] {
      let batch = image("batch", count, size.height, size.width)
      let logits = try classifier.logits(batch)
      let (losses, gradient) = try classifier.evaluate(objective, at: batch)
      for n in 0..<count {
        let alone = ImageBatch(
          count: 1, height: size.height, width: size.width,
          pixels: Array(batch.pixels[n * batch.stride..<(n + 1) * batch.stride]))
        #expect(
          try classifier.logits(alone)[...]
            == logits[n * logits.count / count..<(n + 1) * logits.count / count])
        let own = try classifier.evaluate(objective, at: alone)
        #expect(own.losses[0] == losses[n])
        #expect(
          own.gradient!.pixels[...] == gradient!.pixels[n * batch.stride..<(n + 1) * batch.stride],
          "image \(n) of \(count)")
      }
    }
  }

  @Test(arguments: cases.indices) func agreesWithPyTorch(_ index: Int) throws {
    let c = NetworkTests.cases[index]
    let golden = try Golden(c.golden)
    let classifier = try c.network.classifier()
    let x = image(c.image, c.count, c.height, c.width)

    #expect(relativeError(try classifier.logits(x), golden["logits"]) < 1e-4)
    for layer in classifier.facts.layers {
      let error = golden.error(layer.name, try classifier.features(x, layer: layer.name).values)
      #expect(error < 1e-4, "at \(layer.name)")
    }
    let (losses, gradient) = try classifier.evaluate(
      Objective([Objective.Term(.crossEntropy([ClassWeight(1)]))]), at: x)
    #expect(relativeError(losses, golden["losses"]) < 1e-4)
    #expect(golden.error("gradient", gradient!.pixels) < c.gradientError)
  }
}
