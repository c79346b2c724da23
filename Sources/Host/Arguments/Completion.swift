import RobustRuntime

/// What may follow the words of a command line that is being typed. Made from the same parameters as parsing and help,
/// so that plugins dropped into a folder are completed as well.
enum Completion {
  struct Candidate {
    let text: String
    let help: String
  }

  /// Candidates for the last of `words`, which follow the program's name. None: the shell offers files.
  static func candidates(_ words: [String]) -> [Candidate] {
    guard let current = words.last else { return [] }
    guard words.count > 1 else { return commands.filter { $0.text.hasPrefix(current) } }
    guard let parameters = parameters(of: words[0]) else { return [] }
    let before = Array(words[1..<words.count - 1])
    let candidates =
      openOption(before, parameters).map { values(of: $0, before, parameters) }
      ?? (current.hasPrefix("-") ? options(parameters) : positional(before, parameters))
    return candidates.filter { $0.text.hasPrefix(current) }
  }

  private static var commands: [Candidate] {
    PluginSearch.survey().compactMap { try? $0.outcome.get() }.map {
      Candidate(text: $0.name, help: $0.summary)
    }
      + Builtin.all.map { Candidate(text: $0.name, help: $0.summary) }
      + [Candidate(text: "help", help: "Show the help of a task")]
  }

  private static func parameters(of command: String) -> [CommandParameter]? {
    if command == "help" {
      var topic = CommandParameter(name: "topic", kind: .choice, help: "", flags: .positional)
      topic.choices = commands.map { .init(name: $0.text, help: $0.help) }
      return [topic]
    }
    if let builtin = Builtin.all.first(where: { $0.name == command }) { return builtin.parameters }
    guard let plugin = try? PluginSearch.load(command) else { return nil }
    return plugin.parameters + plugin.hostOptions + plugin.batchOptions
  }

  /// The option whose value comes next; nil: none waits for one.
  private static func openOption(_ words: [String], _ parameters: [CommandParameter]) -> CommandParameter? {
    guard let last = words.last, last.hasPrefix("-"), last != "-", last != "--" else { return nil }
    return parameters.first { parameter in
      guard !parameter.isPositional, parameter.kind != .bool else { return false }
      return last == "--\(parameter.name)" || parameter.letter.map { last == "-\($0)" } ?? false
    }
  }

  private static func options(_ parameters: [CommandParameter]) -> [Candidate] {
    parameters.filter { !$0.isPositional }.map { Candidate(text: "--\($0.name)", help: $0.help) }
  }

  private static func positional(_ words: [String], _ parameters: [CommandParameter]) -> [Candidate] {
    let given = words.filter { !$0.hasPrefix("-") }.count
    let places = parameters.filter(\.isPositional)
    return places.isEmpty ? [] : values(of: places[min(given, places.count - 1)], words, parameters)
  }

  private static func values(
    of parameter: CommandParameter, _ words: [String], _ parameters: [CommandParameter]
  )
    -> [Candidate]
  {
    var candidates = parameter.choices.map { Candidate(text: $0.name, help: $0.help) }
    if parameter.flags.contains(.auto) { candidates.append(Candidate(text: "auto", help: "")) }
    if parameter.flags.contains(.none) { candidates.append(Candidate(text: "none", help: "")) }
    if [.classes, .layer].contains(parameter.kind) {
      let model = words.lastIndex { ["--model", "-M"].contains($0) }.flatMap {
        $0 + 1 < words.count ? words[$0 + 1] : nil
      }
      let facts = try? ModelSearch.facts(ModelSearch.find(model))
      let names = parameter.kind == .classes ? facts?.classes : facts?.layers.map(\.name)
      candidates += (names ?? []).map { Candidate(text: $0, help: "") }
    }
    if parameter.name == "model" || parameter.kind == .model {
      candidates += ModelSearch.candidates().map { Candidate(text: $0.name, help: $0.source.place) }
    }
    return candidates
  }

  /// `rtool completions SHELL`: what a shell is to read. It asks the program itself at each completion.
  static func script(_ shell: String) -> String {
    switch shell {
    case "bash":
      """
      _rtool() {
        local line
        COMPREPLY=()
        while IFS= read -r line; do
          COMPREPLY+=("${line%%$'\\t'*}")
        done < <("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
      }
      complete -o default -o bashdefault -F _rtool rtool

      """
    case "zsh":
      """
      #compdef rtool
      _rtool() {
        local -a lines
        lines=("${(@f)$("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
        if [[ -n "${lines[1]}" ]]; then
          lines=("${lines[@]//:/\\\\:}")
          lines=("${lines[@]/$'\\t'/:}")
          _describe rtool lines
        else
          _files
        fi
      }
      compdef _rtool rtool

      """
    default:
      """
      function __rtool_complete
        set -l words (commandline -opc) (commandline -ct)
        $words[1] complete $words[2..] 2>/dev/null
      end
      complete -c rtool -a '(__rtool_complete)'

      """
    }
  }
}
