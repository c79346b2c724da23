import Foundation
import WorkerProtocol

/// The runs that wait or go on. What comes of one becomes a step of its document, whoever still listens.
actor RunRegistry {
  private let settings: ServerSettings
  private let store: DocumentStore
  private let tasks: Catalogue
  private let pool: WorkerPool
  /// Previews and what is shown have a worker of their own, so that neither waits for a long run.
  private let previews: WorkerPool
  private let viewer: WorkerPool
  private let hub: EventHub
  private var runs: [String: StudioRun] = [:]
  private var count = 0
  /// Longest side of the copies that previews are made of, in pixels.
  private static let previewSide = 448

  init(
    _ settings: ServerSettings, _ store: DocumentStore, _ tasks: Catalogue, pool: WorkerPool,
    previews: WorkerPool,
    viewer: WorkerPool, _ hub: EventHub
  ) {
    (self.settings, self.store, self.tasks) = (settings, store, tasks)
    (self.pool, self.previews, self.viewer, self.hub) = (pool, previews, viewer, hub)
  }

  func views(of document: String) -> [RunView] {
    runs.values.filter { $0.document == document && !$0.isPreview }.sorted {
      ($0.id.count, $0.id) < ($1.id.count, $1.id)
    }
    .map(\.view)
  }

  /// Lets idle workers open an image that is likely to be worked on next.
  nonisolated func openAhead(_ step: Document.Step, of document: String) {
    let path = "\(store.folder(of: document))/\(step.file)"
    for pool in [pool, previews] { Task { await pool.askIfIdle(.open(file: path)) } }
  }

  // MARK: Beginning

  /// - Throws: `StudioError` where something is wrong with the request.
  func begin(_ request: RunRequest, for id: String) async throws -> [RunView] {
    let document = try await store.document(id)
    let task = try await tasks.task(request.task)
    let source = try request.step.map { try document.step($0) }
    if task.needsImage, source == nil {
      throw StudioError(.badRequest, "\(task.name) needs an image; open one first")
    }
    let seeds = request.seeds ?? []
    guard seeds.count <= RunRequest.mostSeeds else {
      throw StudioError(.badRequest, "more than \(RunRequest.mostSeeds) seeds at once")
    }
    let isPreview = request.preview == true
    guard runs.count + max(1, seeds.count) <= settings.longestQueue else {
      throw StudioError(.busy, "\(runs.count) runs wait already; stop some, or try again later")
    }
    let folder = store.folder(of: id)
    func isFile(_ name: String) -> Bool {
      SafeName(name).text == name && FileManager.default.fileExists(atPath: "\(folder)/\(name)")
    }
    var begun: [StudioRun] = []
    for seed in seeds.isEmpty ? [Int?.none] : seeds.map(Optional.some) {
      let texts = request.texts(seed: seed)
      let words = try CommandWords(
        task, image: task.takesImage ? source?.file : nil, texts: texts, isFile: isFile)
      count += 1
      begun.append(
        StudioRun(
          id: String(count), document: id, task: task, source: source, words: words,
          seed: texts["seed"]?.last.flatMap { Int($0) }, isPreview: isPreview, isVariant: seeds.count > 1))
    }
    if isPreview {
      for run in runs.values where run.document == id && run.isPreview { await stop(run) }
    }
    for run in begun {
      runs[run.id] = run
      run.work = Task { await self.perform(run) }
    }
    return begun.map(\.view)
  }

  // MARK: Stopping

  /// - Parameter keeps: whether a result is made of what there is.
  func stop(_ id: String, keeps: Bool) async throws {
    guard let run = runs[id] else { throw StudioError(.notFound, "there is no such run; it may have ended") }
    if keeps, let worker = run.worker { return await worker.process.finish(worker.request) }
    await stop(run)
  }

  private func stop(_ run: StudioRun) async {
    run.isStopped = true
    if let worker = run.worker {
      // It may take its time, and nobody waits for that.
      Task { await worker.process.stop(worker.request) }
    } else {
      run.work?.cancel()
    }
  }

  // MARK: Doing

  private func perform(_ run: StudioRun) async {
    var event = run.event("queued")
    event.place = .queue(await (run.isPreview ? previews : pool).queueLength)
    hub.send(event)
    let end: RunEvent
    do {
      end = try await (run.isPreview ? previews : pool).withWorker { worker in
        try await self.perform(run, worker)
      }
    } catch is CancellationError {
      end = run.event("stopped")
    } catch {
      var event = run.event("failed")
      event.error = (error as? StudioError)?.text ?? "\(error)"
      end = event
    }
    runs[run.id] = nil
    run.state = .ended
    hub.send(end)
  }

  private func perform(_ run: StudioRun, _ worker: Worker) async throws -> RunEvent {
    if run.isStopped { return run.event("stopped") }
    let folder = store.folder(of: run.document)
    var words = run.words
    var output: String?
    if run.task.makesImage {
      let ending = run.isPreview ? "jpg" : words.ending(over: run.source)
      output = run.isPreview ? ".preview-\(run.id).jpg" : try await newOutput(run, ending)
      words.add("-o", output!)
    }
    (run.state, run.begin) = (.running, monotonicNow())
    hub.send(run.event("started"))
    let request = WorkerRequest.run(
      .init(
        arguments: words.words, folder: folder, isWatched: true,
        longestSide: run.isPreview ? Self.previewSide : nil))
    var (warnings, text) = ([String](), "")
    let events = await worker.ask(request)
    let number = await worker.request
    run.worker = (worker, number)
    defer { run.worker = nil }
    if run.isStopped { Task { await worker.stop(number) } }
    let limit = Task { [settings] in
      try await Task.sleep(for: .seconds(settings.longestRun))
      await worker.stop(number)
    }
    defer { limit.cancel() }
    for await event in events {
      switch event {
      case .warning(let line): warnings.append(line)
      case .text(let part): text += part
      default: break
      }
      if let told = told(run, event) { hub.send(told) }
      guard event.isEnd else { continue }
      switch event {
      case .done(let result):
        return try await finished(run, words, result, warnings: warnings, text: text)
      case .failed(let fault) where fault.kind == .interrupted:
        if let output { try? FileManager.default.removeItem(atPath: "\(folder)/\(output)") }
        return run.event("stopped")
      case .failed(let fault):
        if run.isStopped { return run.event("stopped") }
        throw StudioError(fault, after: warnings)
      default: throw WorkerPool.confusion
      }
    }
    throw StudioError(.failed, "a worker did not answer")
  }

  /// The name of a result that no other run has, as the file is not there yet.
  private func newOutput(_ run: StudioRun, _ ending: String) async throws -> String {
    let opened = try await store.document(run.document).steps.first { $0.task == nil }
    let photo = opened.map { SafeName.parts(of: $0.file).stem.prefix(40) + "-" } ?? ""
    return try await store.newName("\(photo)\(run.task.name)-\(run.id)", ending, in: run.document)
  }

  private func told(_ run: StudioRun, _ event: WorkerEvent) -> RunEvent? {
    switch event {
    case .progress(let fraction, let note):
      (run.fraction, run.note) = (fraction, note)
      var told = run.event("progress")
      (told.fraction, told.note) = (fraction, note)
      let elapsed = monotonicNow() - run.begin
      if fraction > 0.05 { told.secondsLeft = elapsed * (1 - fraction) / fraction }
      return told
    case .point(let step, let loss, let probability):
      var told = run.event("point")
      (told.step, told.loss, told.probability) = (.number(step), loss, probability)
      return loss.isFinite ? told : nil
    case .frame(let jpeg, let place, let step):
      var told = run.event("frame")
      told.image = "data:image/jpeg;base64,\(jpeg)"
      told.step = .number(step)
      told.place = place.map { .rectangle($0) }
      return told
    case .warning(let text):
      var told = run.event("warning")
      told.text = text
      return told
    default: return nil
    }
  }

  private func finished(
    _ run: StudioRun, _ words: CommandWords, _ result: TaskResult, warnings: [String], text: String
  ) async throws -> RunEvent {
    var event = run.event("done")
    event.text = text.isEmpty ? nil : text
    let folder = store.folder(of: run.document)
    if run.isPreview {
      for (index, output) in result.outputs.enumerated() {
        let path = "\(folder)/\(output)"
        if index == 0, let data = FileManager.default.contents(atPath: path) {
          event.image = "data:image/jpeg;base64,\(data.base64EncodedString())"
        }
        try? FileManager.default.removeItem(atPath: path)
      }
      return event
    }
    for output in result.outputs {
      let facts = try await viewer.facts(of: "\(folder)/\(output)")
      let bytes =
        (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(output)")[.size] as? Int) ?? 0
      let isVariant = run.isVariant
      let step = try await store.change(run.document) { document in
        let step = Document.Step(
          id: document.nextStep, parent: run.source?.id, task: run.task.name, title: run.title, file: output,
          width: facts.width, height: facts.height, format: facts.format, ending: facts.ending, bytes: bytes,
          command: words.command, seed: run.seed ?? 0, seconds: result.seconds, exact: result.isExact,
          warnings: warnings, text: text.isEmpty ? nil : text)
        document.steps.append(step)
        if !isVariant || document.current == nil { document.current = step.id }
        return step
      }
      event.step = .step(StepView(step, folder: folder))
      openAhead(step, of: run.document)
    }
    return event
  }
}

extension CommandWords {
  /// How the name of the result ends.
  fileprivate func ending(over source: Document.Step?) -> String {
    if let at = words.firstIndex(of: "--format"), at + 1 < words.count, words[at + 1] != "auto" {
      return Self.endings[words[at + 1]] ?? words[at + 1]
    }
    return source?.ending ?? "png"
  }

  private static let endings = ["jpeg": "jpg", "tiff": "tif"]
}
