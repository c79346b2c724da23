/// What the user wrote, sorted by parameter: names and texts alone, no file touched, no value judged.
package struct ParsedArguments: Sendable {
  /// What is wanted instead of the work.
  package enum Request: Sendable {
    /// --help asks for all, -h for what is needed most.
    case help(isFull: Bool)
    case version
  }

  /// The texts given for each parameter, in order. A switch has "1" or "0".
  package var texts: [String: [String]] = [:]
  /// Where there is one, nothing behind it was read.
  package private(set) var request: Request?

  package func last(_ name: String) -> String? { texts[name]?.last }
}

extension ParsedArguments {
  /// Sorts `arguments` by `parameters`: --name value, --name=value, -n value, -nvalue, --no-name, --, and - as a
  /// value. Positional parameters take what is left, in order; a positional one of words takes all that follows as it is.
  /// --help, -h and --version are understood everywhere. Throws a usage failure that names the argument.
  package init(_ arguments: [String], parameters: [CommandParameter]) throws {
    let named = Dictionary(
      parameters.filter { !$0.isPositional }.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let lettered = Dictionary(
      parameters.compactMap { parameter in parameter.letter.map { ($0, parameter) } },
      uniquingKeysWith: { first, _ in first })
    var positional = parameters.filter(\.isPositional)[...]
    var rest = arguments[...]
    var optionsEnded = false

    func value(of parameter: CommandParameter, written: String) throws -> String {
      guard let next = rest.first, !(next.hasPrefix("--") && (next == "--" || Self.isOption(next, named)))
      else {
        throw Failure.usage("\(written) needs a value: \(parameter.placeholder)")
      }
      rest.removeFirst()
      return next
    }

    while let argument = rest.popFirst() {
      if optionsEnded || argument == "-" || !argument.hasPrefix("-") {
        guard let parameter = positional.first else {
          throw Failure.usage("unexpected argument \(quoted(argument))")
        }
        texts[parameter.name, default: []].append(argument)
        if !parameter.flags.contains(.repeated) { positional.removeFirst() }
        if let words = positional.first, words.flags.contains(.words) {
          texts[words.name] = Array(rest)
          return
        }
      } else if argument == "--" {
        optionsEnded = true
      } else if argument.hasPrefix("--") {
        let parts = argument.dropFirst(2).split(
          separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        if argument == "--help" {
          request = .help(isFull: true)
          return
        } else if argument == "--version", named[name] == nil {
          request = .version
          return
        } else if let parameter = named[name] {
          if parameter.kind == .bool {
            guard parts.count == 1 else {
              throw Failure.usage("--\(name) takes no value; write --\(name) or --no-\(name)")
            }
            texts[name, default: []].append("1")
          } else {
            let text = try parts.count == 2 ? String(parts[1]) : value(of: parameter, written: "--\(name)")
            texts[name, default: []].append(text)
          }
        } else if name.hasPrefix("no-"), let parameter = named[String(name.dropFirst(3))],
          parameter.kind == .bool, parts.count == 1
        {
          texts[parameter.name, default: []].append("0")
        } else {
          let names = Array(named.keys) + named.values.filter { $0.kind == .bool }.map { "no-\($0.name)" }
          throw Failure.usage(
            "unknown option --\(name.prefix(60))\(Suggestion.text(name, in: names, prefix: "--"))")
        }
      } else {
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
          guard let parameter = lettered[letter] else { throw Failure.usage("unknown option -\(letter)") }
          if parameter.name == "help" {
            request = .help(isFull: false)
            return
          }
          if parameter.kind == .bool {
            texts[parameter.name, default: []].append("1")
          } else {
            if letters.first == "=" { letters.removeFirst() }
            let text =
              try letters.isEmpty ? value(of: parameter, written: "-\(letter)") : String(letters)
            texts[parameter.name, default: []].append(text)
            letters = ""
          }
        }
      }
    }
  }

  /// The words that say the same of these parameters.
  package func words(for parameters: [CommandParameter]) -> [String] {
    let values = parameters.flatMap { parameter in
      (texts[parameter.name] ?? []).map { text in
        (parameter: parameter, text: parameter.kind == .bool ? (text == "1" ? "on" : "off") : text)
      }
    }
    return StepArguments.words(values, host: [])
  }

  private static func isOption(_ text: String, _ named: [String: CommandParameter]) -> Bool {
    let name = String(text.dropFirst(2).prefix { $0 != "=" })
    return named[name] != nil || (name.hasPrefix("no-") && named[String(name.dropFirst(3))] != nil)
  }
}
