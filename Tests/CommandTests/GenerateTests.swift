import Foundation
import Imaging
import Testing

/// Images of a class from nothing.
@Suite struct GenerateTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  @discardableResult
  private func generate(_ arguments: String..., to name: String = "out.png") throws -> FloatImage {
    let outcome = try sandbox.run(Program.path, ["generate", "-o", name] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try sandbox.open(name)
  }

  @Test(arguments: ["balanced", "fast", "paper"])
  func theModelSeesTheClass(_ preset: String) throws {
    let image = try generate("--class", "flower", "-p", preset, "--steps", "30")
    #expect(image.width == 128 && image.height == 128)
    #expect(try sandbox.facts("out.png")["class"] == "flower")
    #expect(try sandbox.number("probability", of: "out.png") > 0.7)
    try generate("--class", "flower", "-p", preset, "--steps", "0", to: "start.png")
    #expect(try sandbox.number("probability", of: "start.png") < 0.7)
  }

  @Test func theSeedDrawsTheClassAndTheImage() throws {
    let first = try generate("--steps", "2", "-s", "3", to: "a.png")
    #expect(first == (try generate("--steps", "2", "-s", "3", "-t", "1", to: "b.png")))
    #expect(try sandbox.bytes("a.png").count > 0)
    #expect(first != (try generate("--steps", "2", "-s", "4", to: "c.png")))
    let classes = try (1...6).map { seed in
      try generate("--steps", "0", "-s", "\(seed)")
      return try sandbox.facts("out.png")["class"]
    }
    #expect(Set(classes).count > 1)
  }

  @Test func withoutAClassItBecomesSureOfSomething() throws {
    try generate("--class", "none", "--steps", "0", to: "start.png")
    try generate("--class", "none", "--steps", "30")
    let reached = try sandbox.number("probability", of: "out.png")
    #expect(reached > 0.5)
    #expect(try sandbox.number("probability", of: "start.png") < reached)
  }

  @Test func mixturesNameAllTheirClasses() throws {
    try generate("--class", "sea:3,mountain:1", "--steps", "40")
    let facts = try sandbox.facts("out.png")
    #expect(facts["class"] == "mountain,sea" || facts["class"] == "sea,mountain")
    let shares = (facts["probability"] ?? "").split(separator: ",").compactMap { Double($0) }
    #expect(shares.reduce(0, +) > 0.6)
  }

  @Test(arguments: [(1, 1), (20, 90), (200, 60), (160, 160)])
  func anySizeIsMade(_ width: Int, _ height: Int) throws {
    let image = try generate(
      "--width", "\(width)", "--height", "\(height)", "--steps", "1", "--refine-steps", "1")
    #expect(image.width == width && image.height == height)
  }

  @Test func oneLengthMakesASquare() throws {
    let image = try generate("--height", "40", "--steps", "0")
    #expect(image.width == 40 && image.height == 40)
  }

  /// A wide image has no seam where one could have been cut into squares.
  @Test func largeImagesHaveNoTiles() throws {
    let image = try generate(
      "--class", "sea", "--width", "384", "--height", "128", "--steps", "20", "-s", "2")
    func step(_ x: Int) -> Float {
      (0..<128).reduce(0) { $0 + abs(image[x, $1, 0] - image[x - 1, $1, 0]) }
    }
    let mean = (1..<384).reduce(Float(0)) { $0 + step($1) } / 383
    for x in [128, 192, 256] { #expect(step(x) < 3 * mean) }
  }

  @Test func anImageIsAStart() throws {
    try sandbox.photo("in.png", width: 90, height: 60)
    let image = try generate("--from", "in.png", "--steps", "0")
    #expect(image.width == 90 && image.height == 60)
    let photo = try sandbox.open("in.png")
    let error = zip(image.pixels, photo.pixels).reduce(Float(0)) { $0 + abs($1.0 - $1.1) }
    #expect(error / Float(image.pixels.count) < 0.05)
    let noise = try generate("--start", "noise", "--steps", "0")
    #expect(noise.pixels.allSatisfy { (0.35...0.65).contains($0) })
  }

  @Test(arguments: [
    (["--class", "unicorn"], "unicorn"),
    (["--width", "0"], "--width"),
    (["--start", "photo"], "--start"),
    (["--from", "in.png", "--start", "noise"], "--from"),
    (["--parametrisation", "fourier"], "--set box"),
  ])
  func wrongParametersAreErrors(_ arguments: [String], _ words: String) throws {
    try sandbox.photo("in.png", width: 40, height: 40)
    let outcome = try sandbox.run(Program.path, ["generate", "-o", "out.png"] + arguments)
    #expect(outcome.status == 2, "\(outcome.errors)")
    expectOneLine(outcome.errors, contains: words)
    #expect(!sandbox.files.contains("out.png"))
  }
}
