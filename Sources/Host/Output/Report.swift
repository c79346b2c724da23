import RobustRuntime

/// What --json tells: which files were written, how, and the task's own result.
struct Report {
  /// What is told of one run.
  struct Entry {
    var outputs: [String] = []
    /// The outputs that have names, by these.
    var named: [String: String] = [:]
    var step: Provenance.Step?
    var frames: String?
    /// The task's text, which is JSON.
    var result: String?

    fileprivate var members: [(String, String)] {
      var members = [("outputs", encodedJSON(outputs))]
      if !named.isEmpty { members.append(("named", encodedJSON(named))) }
      if let step { members.append(("step", encodedJSON(step))) }
      if let frames { members.append(("frames", encodedJSON(frames))) }
      if let result { members.append(("result", result)) }
      return members
    }
  }

  var entries: [Entry] = []
  var sheet: String?
  /// Whether a photo that the task opened itself was of no use, which was told when it was met.
  var hasSkipped = false

  /// One object; of several runs the outputs of all, and each under "runs".
  var json: String {
    var members = entries.first?.members ?? []
    if entries.count > 1 {
      members = [
        ("outputs", encodedJSON(entries.flatMap(\.outputs))),
        ("runs", "[\(entries.map { Self.object($0.members) }.joined(separator: ","))]"),
      ]
    }
    if let sheet { members.append(("sheet", encodedJSON(sheet))) }
    return Self.object(members)
  }

  /// - Parameter members: names and values, which are JSON.
  static func object(_ members: [(String, String)]) -> String {
    let texts = members.sorted { $0.0 < $1.0 }.map { "\(encodedJSON($0.0)):\($0.1)" }
    return "{\(texts.joined(separator: ","))}"
  }

  /// Valid JSON without its line ends, which can only stand between its words.
  static func onOneLine(_ json: String) -> String {
    json.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// The text of a task where it is one JSON value; nil: there is none.
  static func checked(_ text: String, task: String) throws -> String? {
    if text.isEmpty { return nil }
    do {
      _ = try JSONValue(text)
      return text.trimmingSpace
    } catch let error as JSONValue.SyntaxError {
      throw Failure.misuse("with --json, \(task) printed text that is not JSON: \(error.problem)")
    }
  }
}

extension String {
  fileprivate var trimmingSpace: String {
    var rest = self[...]
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest.drop { $0.isWhitespace })
  }
}
