import Foundation
import WorkerProtocol

/// A task that is being done for a document.
final class StudioRun: @unchecked Sendable {
  enum State: String { case queued, running, ended }

  let id: String
  let document: String
  let task: TaskDescription
  let source: Document.Step?
  let words: CommandWords
  let seed: Int?
  let isPreview: Bool
  /// Whether it is one of several, of which one will be chosen.
  let isVariant: Bool
  // What follows is touched by the registry alone.
  var state = State.queued
  var fraction = 0.0
  var note: String?
  var begin = 0.0
  /// Who is at it, and as which request.
  var worker: (process: Worker, request: Int)?
  var work: Task<Void, Never>?
  var isStopped = false

  init(
    id: String, document: String, task: TaskDescription, source: Document.Step?, words: CommandWords,
    seed: Int?,
    isPreview: Bool,
    isVariant: Bool
  ) {
    (self.id, self.document, self.task) = (id, document, task)
    (self.source, self.words, self.seed) = (source, words, seed)
    (self.isPreview, self.isVariant) = (isPreview, isVariant)
  }

  var title: String { seed.map { "\(task.name), seed \($0)" } ?? task.name }

  var view: RunView {
    RunView(
      id: id, document: document, task: task.name, title: title, step: source?.id, seed: seed,
      preview: isPreview, state: state.rawValue, fraction: fraction, note: note)
  }

  func event(_ kind: String) -> RunEvent {
    var event = RunEvent(kind)
    (event.run, event.document) = (id, document)
    return event
  }
}
