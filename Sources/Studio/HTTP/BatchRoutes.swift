import FlyingFox
import Foundation
import WorkerProtocol

/// A task's settings on every image of the open folder: the command's own batch, as a process of its own.
struct BatchRoutes: Sendable {
  let settings: ServerSettings
  let store: DocumentStore
  let catalogue: Catalogue
  let hub: EventHub
  let folder: ImageFolder?
  private let batches = Batches()

  init(
    settings: ServerSettings, store: DocumentStore, catalogue: Catalogue, hub: EventHub, folder: ImageFolder?
  ) {
    (self.settings, self.store, self.catalogue, self.hub) = (settings, store, catalogue, hub)
    self.folder = folder
  }

  private struct Wanted: Decodable, Sendable {
    let task: String
    let parameters: [String: [String]]?
  }

  func add(to routes: inout Routes) {
    struct Answer: Encodable { let runs: [RunView] }
    routes.add(.POST, "/api/batches") { request, _ in
      try .json(Answer(runs: [try await begin(request.json(Wanted.self))]), status: 202)
    }
    routes.add(.GET, "/api/batches") { _, _ in try .json(await batches.views) }
    routes.add(.POST, "/api/batches/:id/stop") { _, words in
      try await batches.stop(words[0])
      return try .json([String](), status: 202)
    }
  }

  private func begin(_ wanted: Wanted) async throws -> RunView {
    guard let folder else { throw StudioError(.notFound, "no folder was given at the start") }
    let task = try await catalogue.task(wanted.task)
    guard let parameter = task.imageParameter, task.makesImage else {
      throw StudioError(.badRequest, "\(task.name) makes no images of images")
    }
    let images = folder.images()
    guard !images.isEmpty else { throw StudioError(.badRequest, "the folder has no images") }
    let masks = task.parameters.filter { $0.kind == "mask" && wanted.parameters?[$0.name] != nil }
    guard masks.isEmpty else {
      throw StudioError(.badRequest, "a mask is drawn on one image, and a batch has many; leave it out")
    }
    let output = "rtool-\(task.name)"
    var words = try CommandWords(
      task, image: nil, texts: (wanted.parameters ?? [:]).filter { $0.key != parameter },
      isFile: { _ in false })
    words.add("--output-dir", output)
    words.add(inputs: images.map(\.name))
    return try await batches.begin(
      words.words + ["--json", "--skip-existing"], task: task.name,
      title: "\(task.name) on \(images.count) images",
      note: output, settings, folder, hub)
  }
}

/// The batches that go on.
private actor Batches {
  private struct Batch {
    let process: PipedProcess
    var view: RunView
  }

  private var batches: [String: Batch] = [:]
  private var count = 0

  var views: [RunView] { batches.values.map(\.view) }

  /// One at a time: two would write into one folder.
  func begin(
    _ words: [String], task: String, title: String, note: String, _ settings: ServerSettings,
    _ folder: ImageFolder,
    _ hub: EventHub
  ) throws -> RunView {
    if let other = batches.values.first {
      throw StudioError(.conflict, "\(other.view.title): that goes on; stop it first, or wait for its end")
    }
    let process = try PipedProcess(
      program: settings.rtool, arguments: ["--with-parent"] + words, folder: folder.path)
    count += 1
    let id = "b\(count)"
    let view = RunView(
      id: id, document: "", task: task, title: title, step: nil, seed: nil, preview: false, state: "running",
      fraction: 0, note: note)
    batches[id] = Batch(process: process, view: view)
    Thread { [self] in
      var failed: [String] = []
      let end = process.readLines { line in
        guard let told = try? JSONDecoder().decode(Line.self, from: line) else { return }
        var event = RunEvent("progress")
        (event.run, event.fraction) = (id, Double(told.done) / Double(max(told.total, 1)))
        event.note = "\(told.done) of \(told.total)"
        hub.send(event)
        Task { await self.note(id, event.fraction ?? 0) }
        guard let error = told.error else { return }
        failed.append(told.input)
        var warning = RunEvent("warning")
        (warning.run, warning.text) = (id, error.contains(told.input) ? error : "\(told.input): \(error)")
        hub.send(warning)
      }
      Task { await self.end(id) }
      hub.send(Self.event(of: end, id, failed: failed))
    }.start()
    return view
  }

  func stop(_ id: String) throws {
    guard let process = batches[id]?.process else { throw StudioError(.notFound, "there is no such batch") }
    process.end(SIGTERM)
  }

  private func end(_ id: String) { batches[id] = nil }

  private func note(_ id: String, _ fraction: Double) {
    batches[id]?.view.fraction = fraction
  }

  /// What a batch says of each input.
  private struct Line: Decodable {
    let input: String
    let error: String?
    let done, total: Int
  }

  private static func event(of end: PipedProcess.End, _ id: String, failed: [String]) -> RunEvent {
    var event: RunEvent
    switch end {
    case .exited(0): event = RunEvent("done")
    case .exited(130): event = RunEvent("stopped")
    case .exited where !failed.isEmpty:
      event = RunEvent("failed")
      event.error = "\(failed.count) failed: \(failed.prefix(5).joined(separator: ", ")); the others are done"
    case .exited, .crashed:
      event = RunEvent("failed")
      event.error = "the batch ended before it was done; begin it again to go on"
    }
    event.run = id
    return event
  }
}
