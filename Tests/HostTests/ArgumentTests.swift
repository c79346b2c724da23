import Host
import Testing

/// What words mean, without a process: sorted by parameters, then judged.
@Suite struct ArgumentTests {
  private static let parameters: [CommandParameter] = {
    func parameter(
      _ name: String, _ kind: CommandParameter.Kind, _ flags: CommandParameter.Flags = [],
      letter: Character? = nil
    )
      -> CommandParameter
    {
      var parameter = CommandParameter(name: name, kind: kind, help: "of a test", flags: flags)
      parameter.letter = letter
      return parameter
    }
    return [
      parameter("image", .image, [.positional, .required]),
      parameter("others", .image, [.positional, .repeated]),
      parameter("number", .int, letter: "n"), parameter("label", .text, .repeated, letter: "l"),
      parameter("flip", .bool, letter: "f"), parameter("quiet", .bool, letter: "q"),
      parameter("help", .bool, letter: "h"),
    ]
  }()

  private func parsed(_ words: String...) throws -> ParsedArguments {
    try ParsedArguments(words, parameters: Self.parameters)
  }

  private func asksForHelp(_ parsed: ParsedArguments) -> Bool? {
    if case .help(let isFull) = parsed.request { isFull } else { nil }
  }

  @Test func helpIsAskedForWhereverAnOptionMayStand() throws {
    #expect(asksForHelp(try parsed("--help")) == true)
    #expect(asksForHelp(try parsed("in.png", "-h")) == false)
    #expect(asksForHelp(try parsed("in.png", "-qh")) == false)
    #expect(asksForHelp(try parsed("in.png", "-qfh", "--nonsense")) == false)
    guard case .version = try parsed("--version").request else {
      Issue.record("--version is not understood")
      return
    }
  }

  @Test func whatAnOptionTakesIsNoRequest() throws {
    for words in [["--label", "-h"], ["-l", "-h"], ["-l-h"], ["--label=--help"], ["--", "--help"]] {
      let parsed = try ParsedArguments(words, parameters: Self.parameters)
      #expect(parsed.request == nil, "\(words)")
    }
    #expect(try parsed("--label", "-h").texts["label"] == ["-h"])
    #expect(try parsed("--", "-h", "--version").texts == ["image": ["-h"], "others": ["--version"]])
  }

  @Test func whatFollowsARequestIsNotRead() throws {
    let parsed = try parsed("in.png", "-n", "4", "--help", "--number", "seven", "--unknown")
    #expect(parsed.texts == ["image": ["in.png"], "number": ["4"]])
  }

  @Test func wordsOfACommandAreLeftToIt() throws {
    var words = Self.parameters.filter { $0.name != "others" }
    words.insert(
      CommandParameter(name: "words", kind: .text, help: "", flags: [.positional, .repeated, .words]), at: 1)
    let parsed = try ParsedArguments(["-q", "task", "--help", "--", "-z", "-"], parameters: words)
    #expect(parsed.request == nil && parsed.last("quiet") == "1" && parsed.last("image") == "task")
    #expect(parsed.texts["words"] == ["--help", "--", "-z", "-"])
  }

  /// What was parsed, written out and parsed again, is the same.
  @Test(arguments: [
    ["in.png", "-n4", "--label", "a", "-lb", "--label=", "--flip"],
    ["--no-flip", "--label=-h", "--", "-x.png", "-"],
    ["-", "b.png", "c.png", "--quiet"], [],
  ])
  func wordsCanBeMadeAgain(_ words: [String]) throws {
    let first = try ParsedArguments(words, parameters: Self.parameters)
    let second = try ParsedArguments(first.words(for: Self.parameters), parameters: Self.parameters)
    #expect(first.texts == second.texts)
  }

  @Test func switchesAreOnOrOff() throws {
    let flip = try #require(Self.parameters.first { $0.name == "flip" })
    for (text, number) in [("1", 1.0), ("on", 1), ("yes", 1), ("true", 1), ("0", 0), ("off", 0), ("no", 0)] {
      #expect(try flip.value(of: [text], given: false) { [] }.numbers == [number], "\(text)")
    }
    for text in ["", "ja", "2", "On"] {
      #expect(throws: Failure.self) { try flip.value(of: [text], given: false) { [] } }
    }
  }

  @Test func failuresHaveTheirExitCodes() {
    #expect(Failure.usage("x").exitCode == 2 && Failure.failed("x").exitCode == 1)
    #expect(Failure.interrupted.exitCode == 130 && Failure.closedPipe.exitCode == 0)
  }
}
