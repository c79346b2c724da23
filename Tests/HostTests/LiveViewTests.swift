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

  @Test func theLastPictureOfAPlaceIsSeen() throws {
    let seen = Seen()
    let view = try #require(LiveView(seen.console, now: { 0 }))
    let places = (0..<3).map { Iterate.Place(x: 10 * $0, y: 0, width: 10, height: 10) }
    for place in places {
      for value in [Float(0.2), 0.4, 0.6] { view.picture(at: place) { image(value) } }
    }
    view.flush()
    view.flush()
    let iterates = seen.iterates.withLock { $0 }
    #expect(iterates.map(\.place) == [places[0]] + places)
    for iterate in iterates.dropFirst() {
      #expect(iterate.image.image.pixels.allSatisfy { abs($0 - 0.6) < 0.01 })
    }
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

  // MARK: Tasks

  private final class Scratch {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rtool-test-\(UUID().uuidString)")
    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appending(path: name).path }

    func photo(_ name: String, width: Int, height: Int) throws -> String {
      var image = FloatImage(width: width, height: height, channels: 3)
      for y in 0..<height {
        for x in 0..<width {
          for c in 0..<3 {
            image[x, y, c] =
              0.5 + 0.3 * sin(Float(x) * 0.13 + Float(c)) * cos(Float(y) * 0.09)
              + 0.1 * (Float((x * 73 + y * 179 + c * 31) % 17) / 17 - 0.5)
          }
        }
      }
      try ResultImage.fresh(image).write(to: .file(path(name)))
      return path(name)
    }
  }

  /// The hole is shown where it is, first as it is roughly, and what is watched is what is made otherwise.
  @Test func aHoleIsWatchedWhereItIs() throws {
    let scratch = try Scratch()
    let photo = try scratch.photo("photo.png", width: 160, height: 120)
    let seen = Seen()
    let words = [photo, "--box", "60,40,40,30", "--texture-steps", "3", "-o"]
    try Program.perform(task: "inpaint", words + [scratch.path("watched.png")], seen.console)
    try Program.perform(
      task: "inpaint", words + [scratch.path("unwatched.png")], Console(task: "inpaint", isQuiet: true))
    #expect(
      try Data(contentsOf: URL(filePath: scratch.path("watched.png")))
        == Data(contentsOf: URL(filePath: scratch.path("unwatched.png"))))
    let iterates = seen.iterates.withLock { $0 }
    let hole = Iterate.Place(x: 60, y: 40, width: 40, height: 30)
    let ofHole = iterates.filter { $0.place == hole }
    #expect(iterates.first?.place == hole && iterates.first?.loss == nil)
    #expect(ofHole.allSatisfy { ($0.image.width, $0.image.height) == (40, 30) })
    // Its tile of the texture ascent, with what is seen around it.
    let tile = try #require(iterates.last?.place)
    #expect(tile != hole && tile.x < 60 && tile.y < 40 && tile.x + tile.width > 100)
    #expect(iterates.last?.step == 3)
    let result = try SourceImage.open(.file(scratch.path("watched.png"))).rgb()
    let shown = try #require(ofHole.last).image.image
    var difference: Float = 0
    for y in 0..<30 {
      for x in 0..<40 { difference = max(difference, abs(result[60 + x, 40 + y, 1] - shown[x, y, 1])) }
    }
    #expect(difference < 0.2)
  }

  @Test func aPartOfAPhotoIsWatchedWhereItIs() throws {
    let scratch = try Scratch()
    let photo = try scratch.photo("photo.png", width: 300, height: 200)
    var mask = FloatImage(width: 300, height: 200, channels: 1)
    for y in 100..<130 { for x in 200..<240 { mask[x, y, 0] = 1 } }
    try ResultImage.fresh(mask).write(to: .file(scratch.path("mask.png")))
    let seen = Seen()
    try Program.perform(
      task: "translate",
      [
        photo, "--to", "sea", "--mask", scratch.path("mask.png"), "--steps", "2", "-o",
        scratch.path("out.png"),
      ],
      seen.console)
    let place = try #require(seen.iterates.withLock { $0.first?.place })
    #expect(seen.iterates.withLock { $0.allSatisfy { $0.place == place } })
    #expect(place.x > 100 && place.x <= 200 && place.x + place.width >= 240 && place.x + place.width <= 300)
    #expect(place.y > 30 && place.y <= 100 && place.y + place.height >= 130)
    #expect(seen.points.withLock { $0.allSatisfy { $0.probability != nil } })
  }

  @Test func anEnlargementIsWatchedOnTheSmallImage() throws {
    let scratch = try Scratch()
    let photo = try scratch.photo("photo.png", width: 150, height: 90)
    let seen = Seen()
    try Program.perform(
      task: "superres", [photo, "--factor", "2", "--steps", "1", "-o", scratch.path("out.png")], seen.console)
    let places = try seen.iterates.withLock { try $0.map { try #require($0.place) } }
    // Its edges first, all across, then windows.
    #expect(places.first.map { ($0.x, $0.width) == (0, 150) } == true)
    #expect(seen.iterates.withLock { $0.contains { $0.step == 1 } })
    #expect(
      places.allSatisfy {
        $0.x >= 0 && $0.y >= 0 && $0.width > 30 && $0.height > 30 && $0.x + $0.width <= 150
          && $0.y + $0.height <= 90
      })
  }

  // MARK: Ending early

  @Test func anAscentIsEndedEarlyAndItsResultKept() throws {
    let scratch = try Scratch()
    for (limit, name) in [(2, "some.png"), (0, "none.png")] {
      let seen = Seen()
      var console = seen.console
      console.isFinishing = { seen.points.withLock { ($0.last?.step ?? 0) >= limit } }
      try Program.perform(
        task: "generate",
        ["-W", "300", "-H", "300", "--steps", "20", "--refine-steps", "20", "-o", scratch.path(name)],
        console)
      // The ascents at larger sizes take no step.
      let points = seen.points.withLock { $0 }
      #expect(points.last?.step == limit && points.last!.ascent >= 1)
      let image = try SourceImage.open(.file(scratch.path(name)))
      #expect((image.width, image.height) == (300, 300))
      #expect(image.provenance?.contains("\"stopped\":\"early\"") == true)
    }
  }

  @Test func aRunThatIsNotEndedEarlyDoesNotSaySo() throws {
    let scratch = try Scratch()
    try Program.perform(
      task: "generate", ["--steps", "1", "-o", scratch.path("out.png")],
      Console(task: "generate", isQuiet: true))
    let provenance = try #require(SourceImage.open(.file(scratch.path("out.png"))).provenance)
    #expect(!provenance.contains("stopped"))
  }

  @Test func anInterruptedJobMakesNothing() throws {
    let scratch = try Scratch()
    let seen = Seen()
    var console = seen.console
    console.isInterrupted = { seen.points.withLock { $0.count >= 2 } }
    #expect(throws: Failure.self) {
      try Program.perform(
        task: "generate", ["--steps", "20", "-o", scratch.path("out.png")], console)
    }
    #expect(seen.points.withLock { $0.count } <= 3)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("out.png")))
  }

  // MARK: Ascents

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
