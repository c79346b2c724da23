import FlyingFox
import Foundation
import WorkerProtocol

/// What a page asks of documents: opening, looking, choosing, downloading.
struct DocumentRoutes: Sendable {
  let store: DocumentStore
  let runs: RunRegistry
  let viewer: WorkerPool
  let hub: EventHub
  let folder: ImageFolder?
  let longestBody: Int

  func add(to routes: inout Routes) {
    routes.add(.GET, "/api/documents") { _, _ in
      try .json(await store.all.map(DocumentSummary.init))
    }
    routes.add(.POST, "/api/documents") { request, _ in try await open(request) }
    routes.add(.GET, "/api/documents/:id") { _, words in try await view(words[0]) }
    routes.add(.PUT, "/api/documents/:id") { request, words in
      struct Change: Decodable, Sendable { let current: Int }
      let change = try await request.json(Change.self)
      try await store.change(words[0]) { document in
        document.current = try document.step(change.current).id
      }
      let document = try await store.document(words[0])
      runs.openAhead(try document.step(change.current), of: document.id)
      return try await view(words[0])
    }
    routes.add(.DELETE, "/api/documents/:id") { _, words in
      for run in await runs.views(of: words[0]) { try? await runs.stop(run.id, keeps: false) }
      try await store.remove(words[0])
      hub.send(RunEvent("documents"))
      return try .json([String]())
    }
    routes.add(.GET, "/api/documents/:id/steps/:step/view") { request, words in
      let path = try await store.path(of: step(words).file, in: words[0])
      var area: PixelRectangle?
      if let x = request.number("x"), let y = request.number("y"), let w = request.number("w"),
        let h = request.number("h")
      {
        area = PixelRectangle(x: x, y: y, width: w, height: h)
      }
      return try await viewer.picture(of: path, area: area, side: request.number("max") ?? 1024).cached
    }
    routes.add(.GET, "/api/documents/:id/steps/:step/file") { request, words in
      try await download(words, format: request.text("format"), quality: request.number("quality"))
    }
    routes.add(.POST, "/api/documents/:id/masks") { request, words in try await makeMask(request, words[0]) }
    routes.add(.POST, "/api/documents/:id/files") { request, words in
      struct Answer: Encodable { let file: String }
      let data = try await request.body(upTo: longestBody)
      let name = try await store.write(data, to: words[0], named: request.text("name") ?? "file")
      return try .json(Answer(file: name))
    }
  }

  // MARK: Opening

  private func open(_ request: HTTPRequest) async throws -> Reply {
    if let name = request.text("open") {
      guard let folder else { throw StudioError(.notFound, "no folder was given at the start") }
      return try await open(name, data: folder.contents(of: name))
    }
    let name = request.text("name") ?? "untitled"
    let data = try await request.body(upTo: longestBody)
    guard !data.isEmpty || request.text("empty") == "1" else {
      throw StudioError(.badRequest, "\(name) is empty")
    }
    return try await open(name, data: data)
  }

  /// Makes a document of a file; without bytes one without an image.
  func open(_ name: String, data: Data) async throws -> Reply {
    let document = try await store.make(named: String(name.suffix(120)))
    if !data.isEmpty {
      do {
        let file = try await store.write(data, to: document.id, named: name)
        let facts = try await viewer.facts(of: store.path(of: file, in: document.id))
        try await store.change(document.id) { document in
          document.steps = [
            Document.Step(
              id: 1, parent: nil, task: nil, title: file, file: file, width: facts.width,
              height: facts.height, format: facts.format, ending: facts.ending, bytes: data.count,
              command: nil,
              seed: nil, seconds: nil, exact: true)
          ]
          document.current = 1
        }
      } catch {
        try? await store.remove(document.id)
        guard let fault = error as? StudioError else { throw error }
        // Whoever opened it knows it by its name.
        let folder = store.folder(of: document.id) + "/"
        throw StudioError(fault.kind, fault.text.replacing(folder, with: ""))
      }
    }
    hub.send(RunEvent("documents"))
    if let step = try await store.document(document.id).steps.first { runs.openAhead(step, of: document.id) }
    return try await view(document.id)
  }

  private func view(_ id: String) async throws -> Reply {
    let document = try await store.document(id)
    let folder = store.folder(of: id)
    return try .json(
      DocumentView(
        id: id, name: document.name, current: document.current,
        steps: document.steps.map { StepView($0, folder: folder) }, runs: await runs.views(of: id)))
  }

  // MARK: Looking

  /// The step that a path's document and number name.
  private func step(_ words: [String]) async throws -> Document.Step {
    guard let number = Int(words[1]) else { throw StudioError(.notFound, "there is no such step") }
    return try await store.document(words[0]).step(number)
  }

  private func download(_ words: [String], format: String?, quality: Int?) async throws -> Reply {
    let step = try await step(words)
    let (path, name) = (try await store.path(of: step.file, in: words[0]), step.file)
    guard let format, format != step.format else { return attachment(path, name) }
    guard format.allSatisfy({ $0.isLetter && $0.isASCII }), format.count <= 4 else {
      throw StudioError(.badRequest, "there is no format \(format.prefix(20))")
    }
    let stem = SafeName.parts(of: name).stem
    let output = FileManager.default.temporaryDirectory.path + "/rtool-\(UUID().uuidString).\(format)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    _ = try await viewer.withWorker {
      try await $0.answer(to: .convert(file: path, output: output, quality: quality))
    }
    guard let data = FileManager.default.contents(atPath: output) else {
      throw StudioError(.failed, "the file is gone")
    }
    var reply = Reply.data(data, type: "application/octet-stream")
    reply.headers["Content-Disposition"] = SafeName.disposition("attachment", "\(stem).\(format)")
    return reply
  }

  private func attachment(_ path: String, _ name: String) -> Reply {
    var reply = Reply(status: 200, type: "application/octet-stream", body: .file(path))
    reply.headers["Content-Disposition"] = SafeName.disposition("attachment", name)
    return reply
  }

  // MARK: Masks

  private func makeMask(_ request: HTTPRequest, _ id: String) async throws -> Reply {
    struct Answer: Encodable { let mask: String }
    let document = try await store.document(id)
    guard let current = document.current else { throw StudioError(.badRequest, "there is no image to mask") }
    let image = try await store.path(of: document.step(request.number("step") ?? current).file, in: id)
    let data = try await request.body(upTo: longestBody)
    guard let x = request.number("x"), let y = request.number("y"), let w = request.number("w"),
      let h = request.number("h")
    else { throw StudioError(.badRequest, "a mask needs x, y, w and h") }
    let number = try await store.change(id) { document in
      document.fileCount += 1
      return document.fileCount
    }
    let name = try await store.newName("mask-\(number)", "png", in: id)
    let folder = store.folder(of: id)
    let part = "\(folder)/.part-\(number).png"
    try data.write(to: URL(fileURLWithPath: part))
    defer { try? FileManager.default.removeItem(atPath: part) }
    _ = try await viewer.withWorker {
      try await $0.answer(
        to: .mask(
          .init(
            image: image, part: part, area: PixelRectangle(x: x, y: y, width: w, height: h),
            output: "\(folder)/\(name)")))
    }
    return try .json(Answer(mask: name))
  }
}
