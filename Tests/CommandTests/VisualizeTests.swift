import Foundation
import Imaging
import Testing

/// What features look like, and where in photos they are found.
@Suite struct VisualizeTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func visualize(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["visualize"] + arguments)
  }

  private func heights(_ outcome: Sandbox.Outcome) throws -> (before: Double, after: Double) {
    let numbers = (outcome.facts["raised"] ?? "").components(separatedBy: " to ").compactMap { Double($0) }
    try #require(numbers.count == 2, "\(outcome.text)")
    return (numbers[0], numbers[1])
  }

  @Test(arguments: [
    ["--feature", "flower"], ["--feature", "layer1.1:3"], ["--class", "sea"],
    ["--feature", "flower-2", "--preset", "paper"],
  ])
  func theImageRaisesIt(_ arguments: [String]) throws {
    let outcome = try sandbox.run(
      Program.path, ["visualize", "--steps", "15", "--json", "-o", "out.png"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (before, after) = try heights(outcome)
    #expect(after > before + 0.1 * abs(before))
    let image = try sandbox.open("out.png")
    #expect(image.width == 128 && image.height == 128)
  }

  @Test func aPhotoCanBeTheStart() throws {
    try sandbox.photo("in.png", width: 200, height: 140)
    let outcome = try visualize("-f", "sea", "--from", "in.png", "--steps", "5", "--json", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (before, after) = try heights(outcome)
    #expect(after > before)
    #expect(try sandbox.open("out.png").height == 128)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    for (name, seed) in [("a.png", "3"), ("b.png", "3"), ("c.png", "4")] {
      let outcome = try visualize(
        "-f", "5", "--steps", "4", "--side", "64", "--seed", seed, "--strip-metadata", "-o", name)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"))
    #expect(try sandbox.bytes("a.png") != sandbox.bytes("c.png"))
  }

  @Test func allUnitsOfALayerAreOneImageEach() throws {
    let all = try visualize("--all", "--layer", "stem", "--steps", "1", "--side", "32", "-o", "unit.png")
    #expect(all.status == 0, "\(all.errors)")
    #expect(sandbox.files.filter { $0.hasPrefix("unit-") }.count == 32)
    let some = try visualize("-f", "layer1.0:2-4,sea", "--steps", "1", "--side", "32", "-o", "some.png")
    #expect(some.status == 0, "\(some.errors)")
    #expect(sandbox.files.filter { $0.hasPrefix("some-") }.count == 4)
  }

  @Test func theDictionaryNamesEveryUnitOnce() throws {
    struct Row: Decodable {
      struct Raised: Decodable { let `class`: String, weight: Double }
      let name: String, unit: Int, raises: [Raised]
    }
    let outcome = try visualize("--list", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try JSONDecoder().decode([Row].self, from: outcome.result)
    #expect(Set(rows.map(\.unit)) == Set(0..<256) && Set(rows.map(\.name)).count == 256)
    for row in rows {
      let first = try #require(row.raises.first)
      #expect(row.name.hasPrefix(first.class))
      #expect(row.raises.map(\.weight) == row.raises.map(\.weight).sorted(by: >))
    }
    #expect(Set(rows.compactMap { $0.raises.first?.class }).count > 20)
    #expect(try visualize("--list").text.split(separator: "\n").count == 257)
  }

  @Test func placesInPhotosAreThoseThatRaiseItMost() throws {
    // Two photos, the second with one coloured spot; a shallow unit that the spot raises finds it first.
    try sandbox.picture("flat.png", width: 200, height: 200) { _, _, _ in 0.5 }
    try sandbox.picture("spot.png", width: 200, height: 200) { x, y, c in
      let distance = (x - 140) * (x - 140) + (y - 60) * (y - 60)
      return distance < 150 ? (c == 0 ? 1 : 0.1) : 0.5
    }
    var found = false
    for unit in 0..<4 {
      let outcome = try visualize(
        "-f", "layer2.1:\(unit)", "--among", "flat.png", "spot.png", "-n", "3", "-o", "place-\(unit).png")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(sandbox.files.filter { $0.hasPrefix("place-\(unit)-") }.count == 3)
      let best = try #require(outcome.errors.split(separator: "\n").first)
      found = found || best.hasSuffix("of spot.png")
    }
    #expect(found)
    #expect(try sandbox.open("place-0-1.png").width == 128)
  }

  @Test func mistakesAreToldInOneLine() throws {
    try sandbox.photo("in.png")
    func expect(_ status: Int32, _ arguments: [String], contains words: String) throws {
      let outcome = try sandbox.run(Program.path, ["visualize", "-o", "out.png"] + arguments)
      #expect(outcome.status == status)
      expectOneLine(outcome.errors, contains: words)
    }
    try expect(2, [], contains: "--list")
    try expect(2, ["-f", "sea", "--all"], contains: "one of")
    try expect(2, ["-f", "sea", "--layer", "stem"], contains: "LAYER:NUMBER")
    try expect(2, ["-f", "sea", "--among"], contains: "--among")
    try expect(2, ["-f", "sea", "in.png"], contains: "--among")
    try expect(2, ["-f", "sea", "in.png", "--among", "--from", "in.png"], contains: "--from")
    try expect(2, ["-f", "sea", "--set", "l2"], contains: "--set box")
    try expect(1, ["-f", "unicorn"], contains: "unicorn is no feature")
    try expect(1, ["-f", "7-3"], contains: "backwards")
    try expect(1, ["-f", "250-256"], contains: "0 to 255")
    try expect(1, ["--all", "--layer", "nowhere"], contains: "layer4.1")
  }
}
