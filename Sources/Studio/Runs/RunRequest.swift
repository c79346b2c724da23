import WorkerProtocol

/// A task on a document's step, as a page asks for it.
struct RunRequest: Decodable, Sendable {
  var task: String
  /// What it is done on; nil: nothing.
  var step: Int?
  var parameters: [String: [String]]?
  /// Files of masks, by the parameters that they are for.
  var masks: [String: String]?
  /// One run for each; nil: as the parameters say.
  var seeds: [Int]?
  /// Whether a reduced copy will do, whose result is shown and not kept.
  var preview: Bool?

  static let mostSeeds = 24

  /// The texts of all parameters.
  func texts(seed: Int?) -> [String: [String]] {
    var texts = parameters ?? [:]
    for (name, file) in masks ?? [:] { texts[name] = [file] }
    if let seed { texts["seed"] = [String(seed)] }
    return texts
  }
}
