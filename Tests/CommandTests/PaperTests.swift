import Foundation
import Imaging
import Testing

/// The paper presets, step by step: 20 steps of each published loop on a small random network, against PyTorch. See
/// Golden/make_golden.py.
@Suite struct PaperTests {
  private static let golden = "\(Program.root)/Tests/CommandTests/Golden"
  private let sandbox = try! Sandbox()

  private func expected(_ name: String) throws -> [Float] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(PaperTests.golden)/\(name).f32"))
    return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  /// The same picture as in make_golden.py.
  private func photo(_ name: String, side: Int = 32, phase: Double = 0) throws {
    try sandbox.picture(name, width: side, height: side, bitDepth: 16) { x, y, c in
      let wave = sin(0.4 * Double(x) + Double(c) + phase) * cos(0.3 * Double(y))
      let grain = Double((x * 7 + y * 13 + c * 5) % 11) / 11 - 0.5
      return Float(0.5 + 0.3 * wave + 0.1 * grain)
    }
  }

  private func run(_ task: String, _ arguments: [String], preset: String = "paper") throws {
    let outcome = try sandbox.run(
      Program.path,
      [task] + arguments + [
        "--preset", preset, "--steps", "20", "--model", "\(PaperTests.golden)/tiny.safetensors", "-o",
        "out.png",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Largest difference from what PyTorch made.
  private func error(_ name: String) throws -> Float {
    zip(try sandbox.open("out.png").pixels, try expected(name)).map { abs($0 - $1) }.max() ?? .infinity
  }

  @Test func inpaint() throws {
    try photo("in.png")
    try run("inpaint", ["in.png", "--box", "11,12,9,9", "--class", "elm"])
    #expect(try error("inpaint") < 1e-3)
  }

  /// From a given image: a sample of the class's distribution is enlarged by other means in PyTorch.
  @Test func generate() throws {
    try photo("in.png")
    try run("generate", ["--from", "in.png", "--class", "birch", "--bit-depth", "16"])
    #expect(try error("generate") < 1e-3)
  }

  @Test func superres() throws {
    try photo("in.png", side: 4)
    try run("superres", ["in.png", "--class", "birch"])
    #expect(try error("superres") < 1e-3)
  }

  @Test func superresAtSevenTimes() throws {
    try photo("in.png", side: 5)
    try run("superres", ["in.png", "--class", "birch"], preset: "paper-7x")
    #expect(try error("superres-7x") < 1e-3)
  }

  /// Untargeted: away from what the photo is taken for.
  @Test func attack() throws {
    try photo("in.png")
    try run("attack", ["in.png"])
    #expect(try error("attack") < 1e-3)
  }

  @Test func translate() throws {
    try photo("in.png")
    try run("translate", ["in.png", "--to", "elm"])
    #expect(try error("translate") < 1e-3)
  }

  @Test func sketch() throws {
    try photo("in.png", phase: 0.7)
    try run("sketch", ["in.png", "--class", "ash", "--side", "32", "--bit-depth", "16"])
    #expect(try error("sketch") < 1e-3)
  }

  @Test func paint() throws {
    try photo("in.png")
    try sandbox.mask("mask.png", width: 32, height: 32, x: 6..<20, y: 8..<24)
    try run("paint", ["in.png", "--mask", "mask.png", "--feature", "5"])
    #expect(try error("paint") < 1e-3)
  }

  @Test func invert() throws {
    try photo("in.png")
    try run("invert", ["in.png", "--bit-depth", "16"])
    #expect(try error("invert") < 1e-3)
  }
}
