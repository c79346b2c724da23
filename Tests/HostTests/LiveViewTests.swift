import Foundation
import Host
import Imaging
import Synchronization
import Testing

/// What those see who watch a run.
@Suite struct LiveViewTests {
  private final class Seen: Sendable {
    let iterates = Mutex<[Iterate]>([])
    let points = Mutex<[CoursePoint]>([])

    var console: Console {
      var console = Console(task: "test", isQuiet: true)
      console.watch = { iterate in self.iterates.withLock { $0.append(iterate) } }
      console.follow = { point in self.points.withLock { $0.append(point) } }
      return console
    }
  }

  private func image(_ value: Float, width: Int = 8, height: Int = 6) -> FloatImage {
    FloatImage(width: width, height: height, channels: 3, filledWith: value)
  }

  @Test func picturesAreThinnedByTimeAndPointsAreNot() throws {
    let seen = Seen()
    var seconds = 0.0
    var made = 0
    let view = try #require(LiveView(seen.console, now: { seconds }))
    for step in 0...100 {
      view.step(step, loss: Double(100 - step), probability: 0.5, at: nil) {
        made += 1
        return image(0.5)
      }
      seconds += 0.01
    }
    view.end(with: image(1), at: nil)
    let (iterates, points) = (seen.iterates.withLock { $0 }, seen.points.withLock { $0 })
    #expect(points.map(\.step) == Array(0...100))
    #expect(points.allSatisfy { $0.loss == Double(100 - $0.step) && $0.ascent == 0 })
    #expect((13...17).contains(iterates.count))
    #expect(made == iterates.count - 1)
    #expect(iterates.first?.step == 0 && iterates.last?.step == 100)
    #expect(iterates.last?.image.image.pixels.allSatisfy { $0 == 1 } == true)
    #expect(iterates.last?.loss == 0 && iterates.last?.probability == 0.5)
  }

  @Test func stepsOfSeveralAscentsAreCountedOn() throws {
    let seen = Seen()
    let view = try #require(LiveView(seen.console, now: { 0 }))
    for _ in 0..<2 {
      for step in 0...3 { view.step(step, loss: 1, probability: nil, at: nil) { image(0) } }
      view.end(with: image(0), at: Iterate.Place(x: 3, y: 4, width: 80, height: 60))
    }
    #expect(seen.points.withLock { $0.map(\.step) } == [0, 1, 2, 3, 3, 4, 5, 6])
    #expect(seen.points.withLock { $0.map(\.ascent) } == [0, 0, 0, 0, 1, 1, 1, 1])
    // The clock stands still: the first picture, and what came of each ascent.
    #expect(seen.iterates.withLock { $0.map(\.step) } == [0, 3, 6])
    #expect(
      seen.iterates.withLock { $0.last?.place } == Iterate.Place(x: 3, y: 4, width: 80, height: 60))
  }

  @Test func nothingIsMadeWhereNobodyWatches() throws {
    var console = Console(task: "test", isQuiet: true)
    #expect(LiveView(console, now: { 0 }) == nil)
    console.follow = { _ in }
    let view = try #require(LiveView(console, now: { 0 }))
    view.step(0, loss: 1, probability: nil, at: nil) {
      Issue.record("a picture was made")
      return image(0)
    }
    view.end(with: image(0), at: nil)
  }

  @Test func picturesAreSmallAndBecomeJPEG() throws {
    let seen = Seen()
    let view = try #require(LiveView(seen.console, now: { 0 }))
    view.step(0, loss: 1, probability: nil, at: nil) { image(0.25, width: 1500, height: 700) }
    let small = try #require(seen.iterates.withLock { $0.first?.image })
    #expect((small.width, small.height) == (512, 239))
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jpg")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(small.jpeg()).write(to: file)
    let decoded = try SourceImage.open(.file(file.path))
    #expect(decoded.format == .jpeg && (decoded.width, decoded.height) == (512, 239))
    #expect(try decoded.thumbnail(longestSide: 512).image.pixels.allSatisfy { abs($0 - 0.25) < 0.01 })
  }

  /// Without a picture to lie in, what an ascent shows is the whole; the last is what is written.
  @Test func anAscentIsWatched() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).png")
    defer { try? FileManager.default.removeItem(at: file) }
    let seen = Seen()
    try Program.perform(
      task: "generate", ["--steps", "3", "-W", "96", "-H", "64", "--refine-steps", "0", "-o", file.path],
      seen.console)
    let iterates = seen.iterates.withLock { $0 }
    #expect(seen.points.withLock { $0.map(\.step) }.last == 3)
    #expect(iterates.first?.step == 0 && iterates.last?.step == 3)
    #expect(iterates.allSatisfy { $0.place == nil && $0.image.width > $0.image.height })
    let written = try SourceImage.open(.file(file.path)).thumbnail(longestSide: 32)
    let shown = try Thumbnail(#require(iterates.last).image.image, longestSide: 32)
    let differences = zip(written.image.pixels, shown.image.pixels).map { abs($0 - $1) }
    #expect(differences.reduce(0, +) / Float(differences.count) < 0.05)
  }
}
