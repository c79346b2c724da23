/// The task of a recorded step. A record may come from anyone: its name is held against what a plugin's file can be
/// called, and nothing but a plugin that is found by name is ever run.
enum RecordedTask {
  static func plugin(of step: Provenance.Step) throws -> Plugin {
    let name = step.task
    let isName =
      (1...100).contains(name.utf8.count) && !name.hasPrefix("-") && !name.hasPrefix(".")
      && name.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
          || "-_.".unicodeScalars.contains($0)
      }
    guard isName, !Builtin.all.contains(where: { $0.name == name }), name != "help" else {
      throw Failure.failed("\(quoted(name)) is not the name of a task")
    }
    guard let plugin = try PluginSearch.load(name) else {
      throw Failure.failed(
        "the task \(name) is not installed here; `rtool plugins` tells where it is looked for")
    }
    return plugin
  }
}
