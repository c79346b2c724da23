import Foundation
import Imaging
import Testing

/// The smallest change that flips the class.
@Suite struct AttackTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
  }

  private func attack(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["attack", "in.png", "-p", "fast", "-o", "out.png"] + arguments)
  }

  private func classes(_ name: String) throws -> [String] {
    let outcome = try sandbox.rtool("classify", name, "--json")
    let results = try JSONSerialization.jsonObject(with: outcome.result) as? [[String: Any]]
    return try #require(results?.first?["classes"] as? [String])
  }

  @Test func theModelTakesTheResultForAnotherClass() throws {
    let outcome = try attack("--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let facts = outcome.facts
    let before = try classes("in.png")
    let after = try classes("out.png")
    #expect(facts["from"] == before[0])
    #expect(facts["to"] == after[0])
    #expect(before[0] != after[0])
    let image = try sandbox.open("out.png")
    #expect(min(image.width, image.height) == 128)
    // A smaller radius than the one found does not do.
    let radius = try #require(Double(facts["radius"] ?? ""))
    #expect(radius > 0 && radius < 40)
    let less = try attack("--limit", "\(radius / 3)")
    #expect(less.status == 1)
    expectOneLine(less.errors, contains: "no change", "--limit")
  }

  /// Of what is in the file, whether it has 16 bits, as it has unless something speaks against it, or 8.
  @Test(arguments: [
    ("out.png", [], 16), ("out.png", ["--bit-depth", "8"], 8), ("out.webp", ["--lossless"], 8),
  ])
  func theRadiusIsThatOfTheFile(_ file: String, _ options: [String], _ bits: Int) throws {
    try sandbox.photo("in.png", width: 128, height: 128)
    let outcome = try sandbox.run(
      Program.path, ["attack", "in.png", "-p", "fast", "-o", file, "--json"] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let source = try SourceImage.open(.file(sandbox.path(file)))
    #expect(source.bitDepth == bits)
    let squares = zip(try source.rgb().pixels, try sandbox.open("in.png").pixels).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    let radius = try #require(Double(outcome.facts["radius"] ?? ""))
    #expect(abs(squares.squareRoot() - radius) < 1e-3)
    #expect(try classes(file)[0] == outcome.facts["to"])
    #expect(outcome.facts["from"] != outcome.facts["to"])
  }

  @Test func aFormatThatAltersTheChangeIsWarnedOf() throws {
    let outcome = try sandbox.run(Program.path, ["attack", "in.png", "-p", "fast", "-o", "out.jpg"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("write PNG"), "\(outcome.errors)")
  }

  /// Another class than the likeliest other one may be nearer; more classes never find a larger change.
  @Test func moreClassesAreNeverFarther() throws {
    func radius(_ targets: String) throws -> Double {
      try #require(Double(attack("--targets", targets, "--json").facts["radius"] ?? ""))
    }
    #expect(try radius("6") <= radius("1") * 1.001)
  }

  @Test func theWorstWithinARadiusIsLessCertain() throws {
    let outcome = try attack("--within", "0.05", "--steps", "5", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let facts = outcome.facts
    #expect(try #require(Double(facts["radius"] ?? "")) < 0.0505)
    #expect(
      try #require(Double(facts["to-probability"] ?? "")) < #require(Double(facts["from-probability"] ?? "")))
    let towards = try attack("--within", "0.05", "--steps", "5", "--to", try classes("in.png")[1])
    #expect(towards.status == 0, "\(towards.errors)")
  }

  @Test func aClassThatIsNamedIsReached() throws {
    let wanted = try classes("in.png")[2]
    let outcome = try attack("--to", wanted, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.facts["to"] == wanted)
    #expect(try classes("out.png")[0] == wanted)
  }

  @Test func theLargestChangeIsKeptSmallToo() throws {
    let outcome = try attack("--norm", "linf", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let radius = try #require(Double(outcome.facts["radius"] ?? ""))
    #expect(radius > 0 && radius < 0.5)
    #expect(outcome.facts["norm"] == "linf")
  }

  @Test func theChangeCanBeSeenAndTheSameSeedGivesTheSameBytes() throws {
    #expect(try attack("--amplify", "10").status == 0)
    let first = try sandbox.bytes("out.png")
    let attacked = try sandbox.open("out.png")
    let change = try sandbox.open("out-change.png")
    let mean = change.pixels.reduce(0, +) / Float(change.pixels.count)
    #expect(abs(mean - 0.5) < 0.1)
    #expect(try attack().status == 0)
    let second = try sandbox.bytes("out.png")
    #expect(!first.isEmpty && !second.isEmpty)
    #expect(try attacked == sandbox.open("out.png"))
  }

  /// Those of the search, which follows no ascent, as those of --within.
  @Test(arguments: [[], ["--within", "1"]]) func framesAndSheetsShowTheWay(_ options: [String]) throws {
    let outcome = try sandbox.run(
      Program.path,
      ["attack", "in.png", "--frames", "steps.gif", "--sheet", "sheet.png", "-o", "out.png"] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let steps = try SourceImage.open(.file(sandbox.path("steps.gif")))
    #expect(steps.pageCount > 3)
    let (first, last) = (
      try steps.rgb(),
      try SourceImage.open(.file(sandbox.path("steps.gif")), frame: steps.pageCount - 1).rgb()
    )
    #expect(first != last)
    #expect(sandbox.files.contains("sheet.png"))
  }

  @Test func mistakesAreToldInOneLine() throws {
    let same = try attack("--to", try classes("in.png")[0])
    #expect(same.status == 1)
    expectOneLine(same.errors, contains: "in.png is taken for", "--to")
    let mixture = try attack("--to", "sea:1,dog:1")
    #expect(mixture.status == 2)
    expectOneLine(mixture.errors, contains: "--to")
    expectOneLine(try attack("--to", "unicorn").errors, contains: "unicorn")
    #expect(sandbox.files.filter { $0.hasPrefix("out") }.isEmpty)
  }

  @Test(arguments: [(1, 1), (2, 90)])
  func evenTheSmallestPhotosAreAttacked(_ width: Int, _ height: Int) throws {
    try sandbox.picture("in.png", width: width, height: height) { x, y, c in Float((x + y * 3 + c) % 7) / 7 }
    #expect(try attack("--steps", "5").status == 0)
  }
}
