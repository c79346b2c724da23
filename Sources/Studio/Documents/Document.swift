import WorkerProtocol

/// An image and all that was made of it: what a page shows, and what is kept in its folder as document.json.
struct Document: Codable, Sendable {
  let id: String
  var name: String
  /// The index of the step that is shown; nil: there is none.
  var current: Int?
  var steps: [Step] = []
  /// Numbers of masks and other files that were handed in.
  var fileCount = 0
  /// Seconds since 1970.
  var changed = 0.0

  /// The opened image, or a result.
  struct Step: Codable, Sendable {
    let id: Int
    /// The step that it was made of; nil: of nothing.
    var parent: Int?
    /// nil: it is the opened image.
    var task: String?
    var title: String
    /// Its name in the document's folder.
    var file: String
    var width: Int, height: Int
    var format: String, ending: String
    var bytes: Int
    /// The words that make it again in the document's folder.
    var command: String?
    var seed: Int?
    var seconds: Double?
    /// Whether the command makes the same bytes.
    var exact: Bool
    var warnings: [String] = []
    /// What the task printed.
    var text: String?
  }

  func step(_ id: Int) throws -> Step {
    guard let step = steps.first(where: { $0.id == id }) else {
      throw StudioError(.notFound, "the document has no step \(id)")
    }
    return step
  }

  var nextStep: Int { (steps.map(\.id).max() ?? 0) + 1 }
}
