import Foundation
import Testing

/// What the model sees, as text and as JSON.
@Suite struct ClassifyTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
  }

  private func classify(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["classify"] + arguments)
  }

  /// Of one photo.
  private func results(_ arguments: String...) throws -> [[String: Any]] {
    let outcome = try sandbox.run(Program.path, ["classify", "--json"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: outcome.result) as? [[String: Any]])
  }

  @Test func probabilitiesAreTheSoftmaxOfTheLogits() throws {
    let result = try #require(try results("in.png").first)
    let logits = try #require(result["logits"] as? [Double])
    let probabilities = try #require(result["probabilities"] as? [Double])
    let powers = logits.map { exp($0) }
    let sum = powers.reduce(0, +)
    for (power, probability) in zip(powers, probabilities) { #expect(abs(power / sum - probability) < 1e-6) }
    #expect(probabilities == probabilities.sorted(by: >))
    let classes = try #require(result["classes"] as? [String])
    #expect(probabilities.count == 45 && Set(classes).count == 45)
    let entropy = -probabilities.reduce(0) { $0 + ($1 > 0 ? $1 * log2($1) : 0) }
    #expect(abs(entropy - (result["entropy"] as? Double ?? -1)) < 1e-6)
    #expect(result["file"] as? String == "in.png")
  }

  @Test func filesKeepTheirOrderAndAreJudgedAlone() throws {
    try sandbox.picture("grey.png", width: 90, height: 140, channels: 1) { x, y, _ in Float((x + y) % 50) / 50
    }
    let outcome = try classify("grey.png", "in.png", "--json")
    let both = try outcome.text.split(separator: "\n").prefix(2).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require(object?["result"] as? [String: Any])
    }
    #expect(both.map { $0["file"] as? String } == ["grey.png", "in.png"])
    let alone = try results("in.png")
    #expect(both[1]["logits"] as? [Double] == alone[0]["logits"] as? [Double])
  }

  @Test func textTellsSoManyClasses() throws {
    let outcome = try classify("in.png", "--top", "3")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.text.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("in.png: ") && lines[0].hasSuffix(" of 5.49 bits of entropy"))
    #expect(lines.dropFirst().allSatisfy { $0.contains(" %  ") })
    let three = try results("in.png", "--top", "3")
    #expect((three[0]["classes"] as? [String])?.count == 3)
    #expect(try classify("in.png", "in.png", "--top", "1").text.split(separator: "\n").count == 2)
  }

  @Test func namesCannotCommandATerminal() throws {
    try sandbox.photo("a\u{1B}[31m\n\"b.png")
    let outcome = try classify("a\u{1B}[31m\n\"b.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.text.contains("\u{1B}"))
    #expect(outcome.text.split(separator: "\n").count == 6)
    #expect(try results("a\u{1B}[31m\n\"b.png")[0]["file"] as? String == "a\u{1B}[31m\n\"b.png")
  }

  @Test func theMiddleSquareOfASquareIsTheWhole() throws {
    try sandbox.photo("square.png", width: 100, height: 100)
    let (whole, middle) = (try classify("square.png").text, try classify("square.png", "--crop").text)
    #expect(whole == middle)
    let (wide, cropped) = (try classify("in.png").text, try classify("in.png", "--crop").text)
    #expect(wide != cropped)
  }

  @Test(arguments: [(1, 1, 3), (1, 300, 1), (700, 2, 4), (128, 128, 3)])
  func everySizeIsSeen(_ width: Int, _ height: Int, _ channels: Int) throws {
    try sandbox.picture("odd.png", width: width, height: height, channels: channels) { x, y, c in
      c == 3 ? 0.5 : Float((x * 7 + y * 3) % 11) / 11
    }
    #expect(try results("odd.png")[0]["classes"] != nil)
  }

  @Test func mistakesAreToldInOneLine() throws {
    let none = try classify()
    #expect(none.status == 2)
    let top = try classify("in.png", "--top", "0")
    #expect(top.status == 2)
    expectOneLine(top.errors, contains: "--top")
    let missing = try classify("nowhere.png")
    #expect(missing.status == 1 && missing.output.isEmpty)
    expectOneLine(missing.errors, contains: "nowhere.png")
  }
}
