import Foundation
import Imaging
import Testing

/// Painting features and classes into a part of a photo.
@Suite struct PaintTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
    try sandbox.mask("mask.png", x: 30..<110, y: 30..<100)
  }

  private func paint(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["paint", "in.png", "-o", "out.png"] + arguments)
  }

  /// What the task says the feature was before and after.
  private func heights(_ outcome: Sandbox.Outcome) throws -> (before: Double, after: Double) {
    let numbers = (outcome.facts["raised"] ?? "").components(separatedBy: " to ").compactMap { Double($0) }
    try #require(numbers.count == 2, "\(outcome.text)")
    return (numbers[0], numbers[1])
  }

  @Test(arguments: [
    ["--feature", "flower"], ["--feature", "layer3.1:17"], ["--class", "sea"],
    ["--feature", "sea-2", "--preset", "paper"],
  ])
  func theFeatureRisesAndTheRestStays(_ arguments: [String]) throws {
    let outcome = try sandbox.run(
      Program.path,
      ["paint", "in.png", "-m", "mask.png", "--steps", "15", "--json", "-o", "out.png"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (before, after) = try heights(outcome)
    #expect(after > before + 0.05 * abs(before))
    let (old, new) = (try sandbox.open("in.png"), try sandbox.open("out.png"))
    #expect(new.width == 160 && new.height == 120)
    var changed = 0
    for y in 0..<120 {
      for x in 0..<160 where (0..<3).contains(where: { old[x, y, $0] != new[x, y, $0] }) {
        #expect((30..<110).contains(x) && (30..<100).contains(y), "\(x),\(y) changed")
        changed += 1
      }
    }
    #expect(changed > 1000)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let arguments = [
      "paint", "in.png", "-m", "mask.png", "-f", "flower", "--steps", "6", "--strip-metadata", "-o",
    ]
    for name in ["a.png", "b.png"] {
      #expect(try sandbox.run(Program.path, arguments + [name]).status == 0)
    }
    #expect(try sandbox.run(Program.path, arguments + ["c.png", "--seed", "1"]).status == 0)
    #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"))
    #expect(try sandbox.bytes("a.png") != sandbox.bytes("c.png"))
  }

  @Test(arguments: [(1, 1, 3, 8), (2, 150, 1, 8), (90, 60, 4, 16)])
  func everySizeIsPainted(_ width: Int, _ height: Int, _ channels: Int, _ depth: Int) throws {
    try sandbox.picture("in.png", width: width, height: height, channels: channels, bitDepth: depth) {
      x, y, c in
      c == 3 ? 0.8 : Float((x * 3 + y * 5 + c) % 9) / 9
    }
    try sandbox.mask("mask.png", width: width, height: height, x: 0..<60, y: 0..<60)
    let outcome = try paint("-m", "mask.png", "-f", "17", "--steps", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try SourceImage.open(.file(sandbox.path("out.png")))
    #expect(result.width == width && result.height == height)
  }

  @Test func mistakesAreToldInOneLine() throws {
    func expect(_ status: Int32, _ arguments: [String], contains words: String) throws {
      let outcome = try sandbox.run(Program.path, ["paint", "in.png", "-o", "out.png"] + arguments)
      #expect(outcome.status == status)
      expectOneLine(outcome.errors, contains: words)
    }
    try expect(2, ["-f", "flower"], contains: "--mask")
    try expect(2, ["-m", "mask.png"], contains: "--feature")
    try expect(2, ["-m", "mask.png", "-f", "flower", "-c", "sea"], contains: "--class")
    try expect(1, ["-m", "mask.png", "-f", "unicorn"], contains: "unicorn is no feature")
    try expect(1, ["-m", "mask.png", "-f", "256"], contains: "0 to 255")
    try expect(1, ["-m", "mask.png", "-f", "layer9:3"], contains: "layer4.1")
    try expect(
      2, ["-m", "mask.png", "-f", "3", "--parametrisation", "fourier", "--set", "box"],
      contains: "--constraint soft")
    try sandbox.mask("black.png", x: 0..<0, y: 0..<0)
    try expect(1, ["-m", "black.png", "-f", "flower"], contains: "black everywhere")
    try sandbox.mask("small.png", width: 20, height: 20)
    try expect(1, ["-m", "small.png", "-f", "flower"], contains: "20x20")
  }
}
