import FoundationEssentials

/// How an image was made: the tasks that led to it, in order. Kept in the image's metadata as JSON.
struct Provenance: Codable, Sendable {
  var steps: [Step] = []

  struct Step: Codable, Sendable {
    var task: String
    /// Version of the plugin.
    var version: String
    /// Version of the program.
    var rtool: String
    var model: Model
    var seed: UInt64
    var preset: String?
    /// Every parameter, given or not, as the user would write it. Files by name alone.
    var parameters: [String: [String]]
    /// What the task found out, the class chosen for `auto` for example.
    var facts: [String: String]
  }

  struct Model: Codable, Sendable {
    var name: String
    var sha256: String
  }

  /// nil: `json` is no provenance; it may come from anywhere.
  init?(json: String) {
    guard let decoded = try? JSONDecoder().decode(Provenance.self, from: Data(json.utf8)) else { return nil }
    self = decoded
  }

  init() {}

  var json: String { encodedJSON(self) }
}

/// One line of JSON with sorted keys.
func encodedJSON(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
}
