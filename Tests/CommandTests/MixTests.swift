import Foundation
import Imaging
import Testing

/// Photos with a class or another photo mixed in.
@Suite struct MixTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
    try sandbox.picture("other.png", width: 70, height: 90) { x, y, channel in
      channel == 1 ? Float(x) / 70 : Float(y / 10 % 2) * 0.6
    }
  }

  @discardableResult
  private func mix(_ arguments: String..., to name: String = "out.png") throws -> FloatImage {
    let outcome = try sandbox.run(Program.path, ["mix", "-o", name] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try sandbox.open(name)
  }

  @Test(arguments: [["--class", "sea:2,forest:1"], ["other.png"], ["other.png", "--layer", "layer3.0"]])
  func theLossFalls(_ goal: [String]) throws {
    let outcome = try sandbox.run(
      Program.path, ["mix", "in.png"] + goal + ["--steps", "25", "-o", "out.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    #expect(image.width == 160 && image.height == 120)
    #expect(
      try sandbox.number("loss-after", of: "out.png") < 0.95 * sandbox.number("loss-before", of: "out.png"))
  }

  @Test func whatTheMaskKeepsIsTheSame() throws {
    try sandbox.mask("mask.png")
    let (before, after) = (
      try sandbox.open("in.png"), try mix("in.png", "-c", "forest", "-m", "mask.png", "--steps", "5")
    )
    var changed = 0
    for y in 0..<120 {
      for x in 0..<160 {
        let same = (0..<3).allSatisfy { before[x, y, $0] == after[x, y, $0] }
        if (60..<90).contains(x) && (40..<70).contains(y) {
          changed += same ? 0 : 1
        } else {
          #expect(same, "(\(x), \(y)) changed")
        }
      }
    }
    #expect(changed > 450)
  }

  @Test func keepAndStrengthHoldTheChangeBack() throws {
    let before = try sandbox.open("in.png")
    func change(_ image: FloatImage) -> Float {
      zip(image.pixels, before.pixels).reduce(0) { $0 + abs($1.0 - $1.1) }
    }
    let free = change(try mix("in.png", "-c", "forest", "--steps", "30"))
    #expect(change(try mix("in.png", "-c", "forest", "--steps", "30", "--keep", "10000")) < 0.8 * free)
    #expect(change(try mix("in.png", "-c", "forest", "--steps", "30", "--strength", "0.5")) < 0.8 * free)
    #expect(change(try mix("in.png", "-c", "forest", "--strength", "0", "--steps", "3")) == 0)
  }

  @Test(arguments: [(1, 1, 3), (3, 200, 1), (40, 30, 4)])
  func anySizeWorks(_ width: Int, _ height: Int, _ channels: Int) throws {
    try sandbox.photo("odd.png", width: width, height: height, channels: channels)
    let image = try mix("odd.png", "other.png", "--steps", "1")
    #expect(image.width == width && image.height == height)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    try mix("in.png", "other.png", "--steps", "3", "-s", "1", "-t", "1", to: "a.png")
    try mix("in.png", "other.png", "--steps", "3", "-s", "1", "-t", "2", to: "b.png")
    #expect(try sandbox.open("a.png") == sandbox.open("b.png"))
  }

  @Test(arguments: [
    (["in.png"], "nothing says"),
    (["in.png", "other.png", "--class", "sea"], "leave one out"),
    (["in.png", "--class", "sea", "--share", "0.3"], "--share"),
    (["in.png", "other.png", "--layer", "deep"], "stem"),
    (["in.png", "other.png", "--share", "2"], "--share"),
    (
      ["in.png", "--class", "sea", "--mask", "mask.png", "--parametrisation", "fourier", "--set", "box"],
      "--mask"
    ),
  ])
  func wrongParametersAreErrors(_ arguments: [String], _ words: String) throws {
    try sandbox.mask("mask.png")
    let outcome = try sandbox.run(Program.path, ["mix", "-o", "out.png"] + arguments)
    #expect(outcome.status == 2, "\(outcome.errors)")
    expectOneLine(outcome.errors, contains: words)
    #expect(!sandbox.files.contains("out.png"))
  }
}
