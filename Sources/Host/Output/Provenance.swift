import FoundationEssentials
import Imaging

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
    /// The parameters that the user gave, which a task may tell from the others. This and what follows is nil where
    /// an rtool that did not yet keep it made the image.
    var given: [String]?
    /// SHA-256 of the files that were read, by parameter, in the order of their names.
    var inputs: [String: [String]]?
    /// The number format of the products of convolutions; nil: float32.
    var precision: String?
    /// Which frames of the first image were worked on: "all", or a number from 1 on; nil: the user did not say.
    var frames: String?
    /// How often the task was done, each time on what it had made; nil: once.
    var rounds: Int?
    /// The processor's units that computed, as `VectorUnits` names them.
    var units: String?
    var encoding: Encoding?
  }

  /// How the result was made a file: the next step reads what that left of it.
  struct Encoding: Codable, Sendable {
    var format: String
    /// This and the next are nil where the user did not ask for them.
    var quality: Int?
    var lossless: Bool?
    /// Bits of each channel of images made from nothing; nil: the user did not ask for them.
    var bitDepth: Int?
    /// Which of the images it is, from 1 on, where the task made several without names.
    var number: Int?
    /// What the task calls it among its results.
    var name: String?
    /// The names of all results of the run, in order, "" for those without one; nil: it is the only one.
    var results: [String]?
  }

  struct Model: Codable, Sendable {
    var name: String
    var sha256: String
    /// SHA-256 of what was said of it with --model-info; nil: nothing was.
    var info: String?
  }

  /// nil: `json` is no provenance; it may come from anywhere.
  init?(json: String) {
    guard let decoded = try? JSONDecoder().decode(Provenance.self, from: Data(json.utf8)) else { return nil }
    self = decoded
  }

  init() {}

  var json: String { encodedJSON(self) }
}

extension Provenance.Step {
  /// The fact that says of a step that its ascents were ended before their last steps.
  static let earlyEnd = (key: "stopped", value: "early")

  /// Whether the same command makes something else than the step did.
  var isEndedEarly: Bool { facts[Self.earlyEnd.key] == Self.earlyEnd.value }

  func encoded(
    as format: Format, _ settings: RunSettings, number: Int? = nil, name: String? = nil,
    among results: [String]? = nil
  ) -> Self {
    var step = self
    step.encoding = Provenance.Encoding(
      format: format.rawValue, quality: settings.options.quality,
      lossless: settings.options.lossless ? true : nil,
      bitDepth: settings.bitDepth,
      number: number, name: name, results: results)
    return step
  }
}

/// One line of JSON with sorted keys.
func encodedJSON(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
}
