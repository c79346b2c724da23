import Glibc

/// `rtool`: a command of the program itself, or the task of a plugin.
public enum Program {
  /// Does what the arguments say, which begin behind the program's name.
  public static func main(_ arguments: [String]) -> Never {
    let command = name(arguments)
    OutOfMemory.prepare(command: command)
    Interrupt.listen()
    // Threads are the runtime's own; OpenBLAS would start some when it is loaded.
    setenv("OPENBLAS_NUM_THREADS", "1", 0)
    Stack.run { perform(arguments, as: command) }
  }

  /// What messages begin with.
  private static func name(_ arguments: [String]) -> String {
    arguments.first.map { $0.hasPrefix("-") ? "rtool" : "rtool \(Terminal.printable($0))" } ?? "rtool"
  }

  private static func perform(_ arguments: [String], as command: String) -> Never {
    do {
      try perform(arguments)
      // Nothing is left to be done, and a plugin's destructors have no say in how the program ends.
      _exit(0)
    } catch {
      ProgressBar.shared.end()
      let failure = Failure(error)
      if !failure.description.isEmpty {
        Terminal.say("\(command): \(failure.description)")
      }
      _exit(failure.exitCode)
    }
  }

  /// The first word names a command of the program or a task of a plugin; the rest is that one's.
  static func perform(_ arguments: [String]) throws {
    guard let word = arguments.first else { return try Terminal.print(Overview.text()) }
    let rest = Array(arguments.dropFirst())
    switch word {
    case "--help", "-h": return try Terminal.print(Overview.text())
    case "--version", "-V": return try Terminal.print("rtool \(Installation.version)\n")
    case WorkerCommand.word: return try WorkerCommand.run()
    case ParentWatch.word:
      try ParentWatch.begin()
      return try perform(rest)
    case PluginTrial.word: return try PluginTrial.answer(rest)
    // Asked by the scripts of `rtool completions`.
    case "complete":
      let lines = Completion.candidates(rest).map { "\($0.text)\t\($0.help)\n" }
      return try Terminal.print(lines.joined())
    case "help":
      if rest.first == "--man" { return try Terminal.print(ManualPage.text()) }
      guard let topic = rest.first, !["help", "--help", "-h"].contains(topic) else {
        return try Terminal.print(Overview.text())
      }
      if let builtin = Builtin.all.first(where: { $0.name == topic }) {
        return try Terminal.print(builtin.help)
      }
      return try Terminal.print(Overview.help(of: task(topic), isFull: true))
    default: break
    }
    if let builtin = Builtin.all.first(where: { $0.name == word }) { return try builtin(rest) }
    guard !word.hasPrefix("-") else {
      throw Failure.usage("unknown option \(word); `rtool help` shows what there is")
    }
    try TaskCommand(plugin: task(word)).run(rest)
  }

  /// Does a task on one input as its command would, and tells `console` of it.
  package static func perform(task name: String, _ arguments: [String], _ console: Console) throws {
    let plugin = try task(name)
    let job = try TaskJob(plugin, TaskArguments(arguments, of: plugin).parsed)
    _ = try job.run(in: TaskSession(plugin, job.settings), console)
  }

  static func task(_ name: String) throws -> Plugin {
    if let plugin = try PluginSearch.load(name) { return plugin }
    let names = PluginSearch.names() + Builtin.all.map(\.name) + ["help"]
    let suggestion = Suggestion.text(name, in: names)
    throw Failure.usage(
      "there is no task \(quoted(name))\(suggestion.isEmpty ? "; `rtool` lists them" : suggestion)")
  }
}
