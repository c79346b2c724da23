import Foundation
import Imaging
import Testing

/// Series of images from one to another.
@Suite struct InterpolateTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("a.png")
    try sandbox.picture("b.png", width: 60, height: 100) { x, y, channel in
      channel == 0 ? Float(x) / 60 : Float(y / 20 % 2) * 0.5
    }
  }

  private func interpolate(_ arguments: String...) throws -> [String] {
    let outcome = try sandbox.run(Program.path, ["interpolate", "a.png", "b.png"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return sandbox.files.filter { $0.hasPrefix("out") }
  }

  @Test func theSeriesGoesFromTheFirstToTheSecond() throws {
    let names = try interpolate("--stages", "4", "--steps", "5", "-o", "out.png")
    #expect(names.count == 4)
    let images = try names.map { try sandbox.open($0) }
    #expect(images.allSatisfy { $0.width == 171 && $0.height == 128 })
    func distance(_ i: Int, _ j: Int) -> Float {
      zip(images[i].pixels, images[j].pixels).reduce(0) { $0 + abs($1.0 - $1.1) }
    }
    #expect(distance(0, 1) < distance(0, 2) && distance(0, 2) < distance(0, 3))
    #expect(distance(3, 2) < distance(3, 1))
  }

  @Test func theRepresentationIsApproached() throws {
    _ = try interpolate("--stages", "3", "--steps", "0", "-o", "out.png")
    let before = try sandbox.number("relative-distance", of: "out-1.png")
    _ = try interpolate("--stages", "3", "--steps", "15", "-o", "out.png")
    #expect(try sandbox.number("relative-distance", of: "out-1.png") < 0.8 * before)
  }

  @Test func loopsComeBack() throws {
    let names = try interpolate("--stages", "3", "--loop", "--steps", "1", "-o", "out.png", "--side", "64")
    #expect(names.count == 4)
    #expect(try sandbox.open(names[1]) == sandbox.open(names[3]))
  }

  @Test(arguments: [
    (["--side", "60"], 80, 60), (["--width", "200"], 200, 150), (["--height", "33"], 44, 33),
    (["--width", "90", "--height", "90"], 90, 90),
  ])
  func imagesHaveTheSizeThatIsWished(_ wish: [String], _ width: Int, _ height: Int) throws {
    let outcome = try sandbox.run(
      Program.path,
      ["interpolate", "a.png", "b.png", "--stages", "3", "--steps", "1", "-o", "out.png"] + wish)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let images = try (1...3).map { try sandbox.open("out-\($0).png") }
    #expect(images.allSatisfy { $0.width == width && $0.height == height })
  }

  @Test func stepsInFourierCoefficientsTakeTheBox() throws {
    let names = try interpolate(
      "--stages", "3", "--steps", "1", "--set", "box", "--parametrisation", "fourier", "-o", "out.png",
      "--side",
      "64")
    #expect(names.count == 3)
  }

  @Test func transparencyGoesOver() throws {
    try sandbox.picture("a.png", width: 80, height: 60, channels: 4) { x, _, c in
      c == 3 ? (x < 40 ? 0 : 1) : 0.7
    }
    let names = try interpolate("--stages", "3", "--steps", "1", "--side", "60", "-o", "out.png")
    let alphas = try names.map { try #require(try SourceImage.open(.file(sandbox.path($0))).alpha()) }
    #expect(alphas[0][10, 30, 0] == 0 && alphas[0][70, 30, 0] == 1)
    #expect(abs(alphas[1][10, 30, 0] - 0.5) < 0.01 && alphas[1][70, 30, 0] == 1)
    #expect(alphas[2][10, 30, 0] == 1)
  }

  @Test func twoStagesAreTheImagesThemselves() throws {
    #expect(try interpolate("--stages", "2", "-o", "out.png").count == 2)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let first = try interpolate("--stages", "3", "--steps", "2", "-s", "4", "-t", "1", "-o", "out.png").map {
      try sandbox.open($0)
    }
    let second = try interpolate("--stages", "3", "--steps", "2", "-s", "4", "-t", "2", "-o", "out.png").map {
      try sandbox.open($0)
    }
    #expect(first == second)
  }

  @Test(arguments: [
    (["a.png"], "SECOND"),
    (["a.png", "b.png", "--stages", "1"], "--stages"),
    (["a.png", "b.png", "--layer", "deep"], "representation"),
    (["a.png", "b.png", "--frame-time", "1"], "--frame-time"),
  ])
  func wrongParametersAreErrors(_ arguments: [String], _ words: String) throws {
    let outcome = try sandbox.run(Program.path, ["interpolate", "-o", "out.png"] + arguments)
    #expect(outcome.status == 2, "\(outcome.errors)")
    expectOneLine(outcome.errors, contains: words)
    #expect(!sandbox.files.contains { $0.hasPrefix("out") })
  }
}
