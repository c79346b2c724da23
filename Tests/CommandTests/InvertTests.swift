import Foundation
import Imaging
import Testing

/// Images made from features alone.
@Suite struct InvertTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png", width: 64, height: 48)
  }

  @discardableResult
  private func invert(_ arguments: String..., to name: String = "out.png") throws -> FloatImage {
    let outcome = try sandbox.run(Program.path, ["invert", "in.png", "-o", name] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try sandbox.open(name)
  }

  @Test(arguments: ["stem", "layer3.1", "representation", "logits"])
  func theFeaturesAreReached(_ layer: String) throws {
    try invert("--layer", layer, "--steps", "0", to: "start.png")
    let image = try invert("--layer", layer, "--steps", "30")
    #expect(image.width == 171 && image.height == 128)
    let reached = try sandbox.number("relative-distance", of: "out.png")
    #expect(reached < 0.5 * (try sandbox.number("relative-distance", of: "start.png")))
  }

  @Test func shallowLayersGiveThePhotoBack() throws {
    try invert("--layer", "stem", "--steps", "40", "--side", "48")
    #expect(try sandbox.number("psnr", of: "out.png") > 20)
  }

  @Test(arguments: ["relative", "whitened", "plain"])
  func everyDistanceLeadsThere(_ distance: String) throws {
    try invert("--side", "48", "--steps", "0", to: "start.png")
    try invert("--distance", distance, "--side", "48", "--steps", "30")
    #expect(
      try sandbox.number("relative-distance", of: "out.png")
        < 0.8 * sandbox.number("relative-distance", of: "start.png"))
  }

  @Test func thePublishedSettingsRun() throws {
    try invert("-p", "paper", "--steps", "0", "--side", "48", to: "start.png")
    try invert("-p", "paper", "--steps", "10", "--side", "48")
    #expect(
      try sandbox.number("relative-distance", of: "out.png")
        < sandbox.number("relative-distance", of: "start.png"))
  }

  @Test func eachSeedGivesAnotherSample() throws {
    let first = try invert("-s", "1", "--steps", "3", "--side", "48", "-t", "1")
    #expect(first == (try invert("-s", "1", "--steps", "3", "--side", "48", "-t", "2")))
    #expect(first != (try invert("-s", "2", "--steps", "3", "--side", "48")))
  }

  @Test(arguments: [
    (["in.png", "--layer", "deep"], "logits"),
    (["in.png", "--distance", "far"], "--distance"),
    (["in.png", "--side", "0"], "--side"),
    (["in.png", "--set", "l2", "--parametrisation", "fourier"], "--set box"),
    ([], "IMAGE is missing"),
  ])
  func wrongParametersAreErrors(_ arguments: [String], _ words: String) throws {
    let outcome = try sandbox.run(Program.path, ["invert", "-o", "out.png"] + arguments)
    #expect(outcome.status == 2, "\(outcome.errors)")
    expectOneLine(outcome.errors, contains: words)
    #expect(!sandbox.files.contains("out.png"))
  }
}
