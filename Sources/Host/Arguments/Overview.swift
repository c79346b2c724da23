/// `rtool` and `rtool help`: what the program is and what it can do.
enum Overview {
  static func text() -> String {
    let bold = { (text: String) in Terminal.bold(text, on: Terminal.outputIsTerminal) }
    var lines = [
      "\(bold("rtool")) \(Installation.version) - image synthesis with a single robust classifier", "",
      "\(bold("Usage:")) rtool TASK [arguments]", "", bold("Tasks:"),
    ]
    let tasks = PluginSearch.survey().compactMap { try? $0.outcome.get() }
    lines += tasks.map { row($0.name, $0.summary) }
    if tasks.isEmpty { lines.append("  none was found; `rtool plugins` tells where they are looked for") }
    lines += ["", bold("Other commands:")]
    lines += Builtin.all.map { row($0.name, $0.summary) }
    lines.append(row("help [TASK]", "Show this, or the help of a task; help --man: as a manual page"))
    lines += [
      "", "`rtool TASK -h` shows the main options of a task, `rtool TASK --help` all of them.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ name: String, _ summary: String) -> String {
    "  \(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(summary)"
  }

  static func help(of plugin: Plugin, isFull: Bool) -> String {
    Help(
      plugin: plugin, isFull: isFull, columns: Terminal.columns,
      bold: { Terminal.bold($0, on: Terminal.outputIsTerminal) }
    ).text
  }
}
