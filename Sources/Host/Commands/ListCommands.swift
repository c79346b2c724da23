import Glibc
import RobustRuntime

/// The commands that tell what there is. Each prints for people, or JSON for programs.
enum ListCommands {
  static let json = Option<Bool>.flag("json", "print JSON")
  static let help = Option<Bool>.flag("help", letter: "h", "show this help")
  static let model = Option<String?>.text(
    "model", letter: "M", value: "NAME|FILE", "the model, by name or file")

  static let parameters = [json.parameter, help.parameter]
  static let classesParameters = [model.parameter] + parameters

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

  /// `rtool models`
  static func models(_ values: OptionValues) throws {
    struct Row: Encodable {
      let name, path: String
      var architecture: String?
      var side, classes, parameters: Int?
      var constraint: String?
      var eps, cleanAccuracy, robustAccuracy, evaluatedEps: Double?
      var rejected: String?
    }
    let rows = ModelSearch.candidates().map { name, source in
      var row = Row(name: name, path: source.place)
      do {
        let facts = try ModelSearch.facts(source)
        row.architecture = facts.architecture
        row.side = facts.side
        row.classes = facts.classes.count
        row.parameters = facts.parameterCount
        row.constraint = facts.constraint
        row.eps = facts.eps
        row.cleanAccuracy = facts.cleanAccuracy
        row.robustAccuracy = facts.robustAccuracy
        row.evaluatedEps = facts.evaluatedEps
      } catch {
        row.rejected = "\(error)"
      }
      return row
    }
    if values[json] { return try Terminal.print(encodedJSON(rows) + "\n") }
    func percent(_ share: Double) -> String { numberText((share * 1000).rounded() / 10) + " %" }
    var text = ""
    for row in rows {
      text += "\(row.name)  \(row.path)\n"
      if let rejected = row.rejected {
        text += "    not usable: \(rejected)\n"
        continue
      }
      let millions = (Double(row.parameters ?? 0) / 1e5).rounded() / 10
      text += "    \(row.architecture ?? ""), \(numberText(millions)) M parameters\n"
      text += "    \(row.classes ?? 0) classes, made for \(row.side ?? 0) px, "
      let norm = (row.constraint ?? "").uppercased()
      text +=
        (row.eps ?? 0) > 0 ? "trained with \(norm) radius \(numberText(row.eps ?? 0))\n" : "not robust\n"
      if let clean = row.cleanAccuracy {
        text += "    accuracy \(percent(clean))"
        if let robust = row.robustAccuracy {
          text +=
            ", \(percent(robust)) under attack with radius \(numberText(row.evaluatedEps ?? row.eps ?? 0))"
        }
        text += "\n"
      }
    }
    try Terminal.print(text)
  }

  /// `rtool classes [--model M]`
  static func classes(_ values: OptionValues) throws {
    let facts = try ModelSearch.facts(ModelSearch.find(values[model]))
    if values[json] { return try Terminal.print(encodedJSON(facts.classes) + "\n") }
    let width = String(max(0, facts.classes.count - 1)).count
    try Terminal.print(
      facts.classes.enumerated().map { "\(padded($0, width))  \($1)\n" }.joined())
  }
}
