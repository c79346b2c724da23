import Glibc

/// `rtool check PLUGIN`: whether a plugin keeps what the interface asks of it.
enum CheckCommand {
  static let parameters: [Parameter] = {
    var plugin = Parameter(
      name: "plugin", kind: .text, help: "a task, or the file librtool-NAME.so",
      flags: [.positional, .required])
    plugin.value = "PLUGIN"
    var rounds = Parameter(name: "rounds", kind: .int, help: "how many runs with random values")
    rounds.initial = 8
    rounds.limits = 0...10_000
    var limit = Parameter(name: "time-limit", kind: .real, help: "how long a run may take")
    limit.initial = 60
    limit.limits = 0.1...86_400
    limit.unit = "s"
    return [plugin, rounds, limit, ListCommands.json, ListCommands.help]
  }()

  static func run(_ parsed: ParsedArguments) throws {
    func number(_ name: String) throws -> Double {
      let parameter = parameters.first { $0.name == name }!
      return try parameter.value(of: parsed.texts[name] ?? [], given: true) { [] }.numbers[0]
    }
    let (rounds, limit) = try (Int(number("rounds")), number("time-limit"))
    let (path, name) = try plugin(parsed.last("plugin")!)
    let isJSON = parsed.isOn("json")
    let suite = try CheckSuite(path: path, name: name, rounds: rounds, secondsAllowed: limit) { finding in
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

  private static func plugin(_ text: String) throws -> (path: String, name: String) {
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
