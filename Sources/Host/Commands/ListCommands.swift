import Glibc
import RobustRuntime

/// The commands that tell what there is. Each prints for people, or JSON for programs.
enum ListCommands {
  static let json = Option<Bool>.flag("json", "print JSON")
  static let help = Option<Bool>.flag("help", letter: "h", "show this help")
  static let model = Option<String?>.text(
    "model", letter: "M", value: "NAME|FILE", "the model, by name or file")

  static let modelInfo = Option<String?>.text(
    "model-info", value: "FILE.json",
    "what the model's file does not say: classes, mean, std, side, eps, options")

  static let parameters = [json.parameter, help.parameter]
  static let classesParameters = [model.parameter, modelInfo.parameter] + parameters

  /// `rtool plugins`
  static func plugins(_ values: OptionValues) throws {
    struct Row: Encodable {
      let name, path: String
      let version, summary, rejected: String?
    }
    let rows = PluginSearch.survey().map { candidate, outcome in
      switch outcome {
      case .success(let plugin):
        Row(
          name: candidate.name, path: candidate.path, version: plugin.version, summary: plugin.summary,
          rejected: nil)
      case .failure(let rejection):
        Row(
          name: candidate.name, path: candidate.path, version: nil, summary: nil, rejected: rejection.reason)
      }
    }
    if values[json] { return try Terminal.print(encodedJSON(rows) + "\n") }
    var text = ""
    for row in rows {
      text += "\(row.name)\(row.version.map { " \($0)" } ?? "")  \(row.path)\n"
      text += "    \(row.rejected.map { "not used: \($0)" } ?? row.summary ?? "")\n"
    }
    if rows.isEmpty { text = "no plugin was found\n" }
    text += "searched: \(PluginSearch.folders.joined(separator: ", "))\n"
    let ignored = Installation.relativeFolders(in: "RTOOL_PATH")
    if !ignored.isEmpty {
      text +=
        "not searched, since RTOOL_PATH takes absolute folders only: \(ignored.joined(separator: ", "))\n"
    }
    try Terminal.print(text)
  }

  /// `rtool classes [--model M]`
  static func classes(_ values: OptionValues) throws {
    let facts = try ModelSearch.facts(ModelSearch.find(values[model], info: values[modelInfo]))
    if values[json] { return try Terminal.print(encodedJSON(facts.classes) + "\n") }
    let width = String(max(0, facts.classes.count - 1)).count
    try Terminal.print(
      facts.classes.enumerated().map { "\(padded($0, width))  \($1)\n" }.joined())
  }
}
