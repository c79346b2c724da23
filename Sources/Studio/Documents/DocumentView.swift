/// A document as a page is told of it.
struct DocumentView: Encodable, Sendable {
  let id, name: String
  let current: Int?
  let steps: [StepView]
  let runs: [RunView]
}

struct StepView: Encodable, Sendable {
  let id: Int
  let parent: Int?
  let task: String?
  let title: String
  let width, height: Int
  let command: String?
  let folder: String
  let seed: Int?
  let seconds: Double?
  let bytes: Int
  let format: String
  let exact: Bool
  let warnings: [String]
  let text: String?

  init(_ step: Document.Step, folder: String) {
    (id, parent, task, title) = (step.id, step.parent, step.task, step.title)
    (width, height, command, seed) = (step.width, step.height, step.command, step.seed)
    (seconds, bytes, format, exact) = (step.seconds, step.bytes, step.format, step.exact)
    (warnings, text) = (step.warnings, step.text)
    self.folder = folder
  }
}

struct DocumentSummary: Encodable, Sendable {
  let id, name: String
  let changed: Double
  let width, height: Int
  let steps: Int
  let current: Int?

  init(_ document: Document) {
    (id, name, changed, steps) = (document.id, document.name, document.changed, document.steps.count)
    let shown = document.steps.first { $0.id == document.current } ?? document.steps.last
    (width, height, current) = (shown?.width ?? 0, shown?.height ?? 0, shown?.id)
  }
}

struct RunView: Encodable, Sendable {
  let id, document, task, title: String
  let step: Int?
  let seed: Int?
  let preview: Bool
  let state: String
  var fraction: Double
  let note: String?
}
