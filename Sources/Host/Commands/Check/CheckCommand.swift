import Glibc
import Imaging

/// `rtool check PLUGIN`: whether a plugin keeps what the interface asks of it.
enum CheckCommand {
  private static let plugin = Option<String>.argument(
    "plugin", value: "PLUGIN", "a task, or the file librtool-NAME.so")
  private static let rounds = Option<Int>.int(
    "rounds", initial: 8, limits: 0...10_000, "how many runs with random values")
  private static let timeLimit = Option<Double>.real(
    "time-limit", initial: 60, limits: 0.1...86_400, unit: "s", "how long a run may take")

  static let parameters =
    [plugin.parameter, rounds.parameter, timeLimit.parameter] + ListCommands.parameters

  static func run(_ values: OptionValues) throws {
    let (path, name) = try place(of: values[plugin])
    let isJSON = values[ListCommands.json]
    let suite = try CheckSuite(
      path: path, name: name, rounds: values[rounds], secondsAllowed: values[timeLimit]
    ) { finding in
      if !isJSON { try? Terminal.print(line(finding)) }
    }
    try suite.run()
    if isJSON { try Terminal.print(encodedJSON(suite.findings) + "\n") }
    let failed = suite.findings.count { $0.outcome == .failed }
    if failed > 0 { throw Failure.failed("\(name): \(failed) of \(suite.findings.count) checks failed") }
  }

  private static func line(_ finding: CheckSuite.Finding) -> String {
    func column(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(1, width - text.count))
    }
    let text = column(finding.outcome.rawValue, 9) + column(finding.check, 10) + finding.text
    return Terminal.printable(text) + "\n"
  }

  private static func place(of text: String) throws -> (path: String, name: String) {
    guard text.contains("/") || text.hasSuffix(".so") else {
      guard let found = PluginSearch.candidates().first(where: { $0.name == text }) else {
        let near = Suggestion.text(text, in: PluginSearch.names())
        throw Failure.usage(
          "there is no task \(quoted(text))\(near); a plugin's file is given as ./librtool-NAME.so")
      }
      return (found.path, found.name)
    }
    guard fileExists(text) else { throw Failure.failed("there is no plugin \(text)") }
    let file = fileName(of: text)
    guard file.hasPrefix("librtool-"), file.hasSuffix(".so"), file.count > 12 else {
      throw Failure.usage("\(text) is not named librtool-NAME.so, as a plugin is")
    }
    // The file may be a link to one of another name: its folder is what counts.
    guard let place = realpath(folder(of: text), nil) else {
      throw Failure.failed("there is no plugin \(text)")
    }
    defer { free(place) }
    return ("\(String(cString: place))/\(file)", String(file.dropFirst(9).dropLast(3)))
  }
}
