import RobustRuntime
import Synchronization
import Testing

@Suite(.serialized) struct ThreadTests {
  @Test func eachTaskRunsOnce() {
    for tasks in [0, 1, 2, 7, 1000] {
      for threads in [1, 2, 5] {
        configure(threads: threads)
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: tasks)
        counts.initialize(repeating: 0, count: tasks)
        defer { counts.deallocate() }
        for _ in 0..<50 {
          Workers.shared.run(tasks) { task, worker in
            precondition(worker < Workers.limit)
            counts[task] += 1
          }
        }
        #expect((0..<tasks).allSatisfy { counts[$0] == 50 })
      }
    }
  }

  @Test func sameBytesAtAnyNumberOfThreads() throws {
    let x = image("image", 3, 72, 61)
    let objective = Objective([
      Objective.Term(.crossEntropy([ClassWeight(3)])),
      Objective.Term(
        .statistics(
          layer: "layer1.0", .all, target: image("target", 1, 50, 50), region: nil, targetRegion: nil)),
      Objective.Term(.smoothness(region: nil)),
    ])
    var settings = AscentSettings(steps: 4, stepSize: 0.5)
    (settings.set, settings.jitter) = (.l2(radius: 2), 3)
    var results: [(logits: [Float], gradient: [Float], images: [Float])] = []
    for threads in [1, 2, 3, 4, 1] {
      configure(threads: threads)
      results.append(
        (
          try photos.logits(x), try photos.evaluate(objective, at: x).gradient!.pixels,
          try photos.ascend(from: x, objective: objective, settings: settings).images.pixels
        ))
    }
    for result in results {
      #expect(result.logits == results[0].logits)
      #expect(result.gradient == results[0].gradient)
      #expect(result.images == results[0].images)
    }
    configure(threads: 2)
  }

  /// Several threads may use one classifier, also at different sizes.
  @Test func callersDoNotMeet() async throws {
    let sizes = [(32, 32), (40, 32), (32, 48), (64, 64), (33, 47)]
    let expected = try sizes.map { try photos.logits(image("image", 2, $0.0, $0.1)) }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for k in 0..<40 {
        group.addTask {
          let (height, width) = sizes[k % sizes.count]
          return try photos.logits(image("image", 2, height, width)) == expected[k % sizes.count]
        }
      }
      for try await same in group { #expect(same) }
    }
  }
}
