import Foundation
import Testing

@Suite struct ParsingTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["RTOOL_PATH": try sandbox.compilePlugin("echo", echoPlugin)]
  }

  private func echo(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["echo"] + arguments, environment: environment)
  }

  private func line(_ name: String, of arguments: String...) throws -> String? {
    let outcome = try sandbox.run(Program.path, ["echo"] + arguments, environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.text.split(separator: "\n").first { $0.hasPrefix(name) }.map(String.init)
  }

  @Test func initialValuesStandInForWhatIsNotGiven() throws {
    let outcome = try echo()
    #expect(
      outcome.text == """
        input given=0 count=0
        number given=0 count=1 3
        scale given=0 count=1 1.5
        flip given=0 count=1 0
        smooth given=0 count=1 1
        paint given=0 count=1 0
        label given=0 count=0
        class given=0 count=0
        tint given=0 count=1 1 0 0
        at given=0 count=0
        area given=0 count=0
        mask given=0 count=0
        secret given=0 count=1 0
        seed=0

        """)
  }

  @Test(arguments: [
    ["--number", "7"], ["--number=7"], ["-n", "7"], ["-n7"], ["-n=7"], ["--number", "2", "-n", "7"],
  ])
  func aNumberCanBeWrittenInSeveralWays(_ arguments: [String]) throws {
    let outcome = try sandbox.run(Program.path, ["echo"] + arguments, environment: environment)
    #expect(outcome.text.contains("count=1 7\n"))
  }

  @Test func switchesTurnOnAndOff() throws {
    #expect(try line("flip", of: "--flip") == "flip given=1 count=1 1")
    #expect(try line("flip", of: "-f") == "flip given=1 count=1 1")
    #expect(try line("flip", of: "-f", "--no-flip") == "flip given=2 count=1 0")
    #expect(try line("smooth", of: "--no-smooth") == "smooth given=1 count=1 0")
    #expect(try line("number", of: "-fn4") == "number given=1 count=1 4")
  }

  @Test func valuesMayBeginWithAMinus() throws {
    #expect(try line("scale", of: "--scale", "-1.25") == "scale given=1 count=1 -1.25")
    #expect(try line("label", of: "--label", "-x") == "label given=1 count=1 -x")
  }

  @Test func repeatedParametersKeepTheirOrder() throws {
    #expect(try line("label", of: "-l", "b", "--label=a", "-lc") == "label given=3 count=3 b a c")
    #expect(
      try line("area", of: "--area", "1,2,3,4", "--area=5,6,7,8") == "area given=2 count=2 1 2 3 4 5 6 7 8")
  }

  @Test func classesAreNamesIndicesAndMixtures() throws {
    #expect(try line("class", of: "--class", "sea") == "class given=1 count=1 33 1")
    #expect(try line("class", of: "--class", "Sea") == "class given=1 count=1 33 1")
    #expect(try line("class", of: "-c", "33") == "class given=1 count=1 33 1")
    #expect(try line("class", of: "-c", "sea:3,mountain:1") == "class given=1 count=2 33 0.75 29 0.25")
    #expect(try line("class", of: "-c", "auto") == "class given=1 count=0")
  }

  @Test func coloursAndPoints() throws {
    #expect(try line("tint", of: "--tint", "#0f8") == "tint given=1 count=1 0 1 0.533333")
    #expect(try line("tint", of: "--tint", "#00ff80") == "tint given=1 count=1 0 1 0.501961")
    #expect(try line("tint", of: "--tint", "0,255,51") == "tint given=1 count=1 0 1 0.2")
    #expect(try line("at", of: "--at", "3.5,-4") == "at given=1 count=1 3.5 -4")
  }

  @Test func presetsStandBetweenInitialAndGivenValues() throws {
    #expect(try line("number", of: "--preset", "large") == "number given=0 count=1 9")
    #expect(try line("number", of: "--preset", "large", "-n", "2") == "number given=1 count=1 2")
    #expect(try line("paint", of: "-p", "large") == "paint given=0 count=1 1")
  }

  @Test func afterTwoDashesAllIsPositional() throws {
    try sandbox.photo("--number.png", width: 5, height: 4)
    #expect(try line("input", of: "--", "--number.png") == "input given=1 count=1 --number.png 5x4x3")
  }

  @Test(arguments: [
    (["--number", "11"], ["--number", "between 1 and 10", "11"]),
    (["--number", "2.5"], ["--number", "whole number", "2.5"]),
    (["--number", "seven"], ["--number", "seven"]),
    (["--scale", "nan"], ["--scale", "between -2 and 8", "(px)", "nan"]),
    (["--scale", "inf"], ["--scale", "inf"]),
    (["--scale", "1e99"], ["--scale", "1e99"]),
    (["--number", ""], ["--number"]),
    (["--nubmer", "3"], ["--nubmer", "did you mean --number?"]),
    (["--no-flop"], ["did you mean --no-flip?"]),
    (["--flip=yes"], ["--flip takes no value"]),
    (["--number"], ["--number needs a value"]),
    (["--number", "--flip"], ["--number needs a value"]),
    (["-z"], ["-z"]),
    (["--paint", "grene"], ["red or green", "did you mean green?"]),
    (["--class", "see"], ["see", "did you mean sea?"]),
    (["--class", "99"], ["99", "rtool classes"]),
    (["--class", "sea:-1"], ["weight"]),
    (["--tint", "blue"], ["--tint", "#rrggbb"]),
    (["--at", "1"], ["--at", "x,y"]),
    (["--area", "1,2,0,4"], ["--area", "width"]),
    (["--area", "1,2,3"], ["--area"]),
    (["a.png", "b.png"], ["unexpected argument", "b.png"]),
    (["-", "--mask", "-"], ["standard input"]),
    (["--seed", "-1"], ["--seed"]),
    (["--preset", "huge"], ["usual or large"]),
    (["--quality", "0"], ["--quality", "between 1 and 100"]),
  ])
  func wrongUseIsToldInOneLine(_ arguments: [String], _ words: [String]) throws {
    let outcome = try sandbox.run(Program.path, ["echo"] + arguments, environment: environment)
    #expect(outcome.status == 2)
    #expect(outcome.output.isEmpty)
    expectOneLine(outcome.errors)
    for word in words { #expect(outcome.errors.contains(word), "“\(word)” is not in: \(outcome.errors)") }
  }

  @Test func unknownTasksAndCommandsSuggestNearOnes() throws {
    let outcome = try sandbox.rtool("ecco", environment: environment)
    #expect(outcome.status == 2)
    expectOneLine(outcome.errors, contains: "ecco", "did you mean echo?")
    let other = try sandbox.rtool("modles")
    expectOneLine(other.errors, contains: "did you mean models?")
  }

  @Test func whatTheUserWroteCannotCommandTheTerminal() throws {
    let outcome = try echo("--number", "1\n2\u{1B}[31mred")
    #expect(outcome.status == 2)
    expectOneLine(outcome.errors, contains: "1\\n2\\u{1B}[31mred")
    // What is behind it would be read from right to left.
    expectOneLine(try echo("--number", "1\u{202E}2").errors, contains: "1\\u{202E}2")
  }
}
