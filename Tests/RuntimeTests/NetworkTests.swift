import RobustRuntime
import Testing

/// Whole networks against PyTorch in double precision.
@Suite struct NetworkTests {
  static let networks: [(String, HashedResNet, count: Int, height: Int, width: Int)] = [
    ("resnet18", HashedResNet(blocks: [2, 2, 2, 2], widths: [64, 128, 256, 512]), 2, 97, 131),
    (
      "resnet50", HashedResNet(blocks: [3, 4, 6, 3], widths: [64, 128, 256, 512], bottleneck: true), 1, 224,
      224
    ),
    (
      "cifar",
      HashedResNet(
        blocks: [1, 2], widths: [16, 32], bottleneck: true, stem: 3, stemStride: 1, shortcut: "shortcut",
        head: "linear", groups: 4), 3, 21, 16
    ),
  ]

  @Test(arguments: networks.indices) func agreesWithPyTorch(_ index: Int) throws {
    let (name, network, count, height, width) = NetworkTests.networks[index]
    let golden = try Golden(name)
    let classifier = try network.classifier()
    let x = image("image", count, height, width)

    #expect(relativeError(try classifier.logits(x), golden["logits"]) < 1e-4)
    for layer in classifier.facts.layers {
      let error = golden.error(layer.name, try classifier.features(x, layer: layer.name).values)
      #expect(error < 1e-4, "at \(layer.name)")
    }
    let (losses, gradient) = try classifier.evaluate(
      Objective([Term(.crossEntropy([ClassWeight(1)]))]), at: x)
    #expect(relativeError(losses, golden["losses"]) < 1e-4)
    #expect(golden.error("gradient", gradient!.pixels) < 1e-4)
  }
}
