import RobustRuntime
import Testing

/// A network whose values overflow: nothing comes of it, and it is named.
@Suite struct OverflowTests {
  private func overflowing() throws -> Classifier {
    var network = HashedResNet(blocks: [1, 1], widths: [4, 8], stem: 3, stemStride: 1, classes: 3)
    network.scaleOfNorms = 1e30
    return try network.classifier()
  }

  private func expectNamed(_ body: () throws -> Void) {
    do {
      try body()
      Issue.record("an overflow became a result")
    } catch RuntimeError.notFinite(let problem) {
      #expect(problem.contains("hashed"), "\(problem)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func nothingComesOfIt() throws {
    let model = try overflowing()
    let images = image("image", 1, 16, 16)
    let objective = Objective([Objective.Term(.crossEntropy([ClassWeight(1)]))])
    expectNamed { _ = try model.logits(images) }
    expectNamed { _ = try model.features(images) }
    expectNamed { _ = try model.evaluate(objective, at: images) }
    expectNamed {
      _ = try model.ascend(
        from: images, objective: objective, settings: AscentSettings(steps: 2, stepSize: 1))
    }
    expectNamed {
      let term = Objective.Term(.representation(layer: nil, target: images, relative: false))
      _ = try model.evaluate(Objective([term]), at: images)
    }
    let function = try model.logitFunction(capacity: 1, height: 16, width: 16)
    var logits = [Float](repeating: 0, count: 3)
    expectNamed { try function.logits(of: images.pixels, count: 1, to: &logits) }
  }
}
