import FlyingFox
import Foundation
import WorkerProtocol

/// Tasks for other programs.
final class TaskServer: Serving {
  private let settings: ServerSettings
  private let gate: BearerGate
  private let isNewToken: Bool
  private let tasks: [TaskDescription]
  private let metrics = Metrics()
  private let pool: WorkerPool
  private let folders: RequestFolders
  private let admission: Admission
  private let connections: Connections
  private let runner: TaskRunner
  /// A request may wait in the queue as long as it likes; what it does itself has limits of its own.
  let longestRequest = 1e7

  init(_ settings: ServerSettings, _ connections: Connections) async throws {
    (self.settings, self.connections) = (settings, connections)
    isNewToken = settings.token == nil
    gate = BearerGate(token: settings.token ?? Gate.newToken())
    pool = WorkerPool(count: settings.jobs, program: settings.rtool)
    folders = try RequestFolders(
      in: settings.state, most: settings.longestBody.multipliedReportingOverflow(by: 4).partialValue)
    admission = Admission(most: settings.jobs + settings.longestQueue)
    runner = TaskRunner(pool: pool, longestRun: settings.longestRun, metrics: metrics)
    tasks = try await Catalogue(viewer: pool, hostOptions: TaskSchema.hostOptions).tasks()
    Studio.atEnd.withLock { [folders] in $0.append { folders.removeAll() } }
  }

  func announce() async {
    struct Place: Encodable {
      let address: String
      let token: String?
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let place = Place(
      address: "http://127.0.0.1:\(settings.port)", token: isNewToken ? gate.token : nil)
    if let line = try? encoder.encode(place) { Studio.print(String(decoding: line, as: UTF8.self)) }
    Studio.say("rtool serve: \(tasks.count) tasks, \(settings.jobs) at once; Ctrl-C ends it")
    await pool.prepare()
  }

  func reply(to request: HTTPRequest) async throws -> Reply {
    let words = Routes.words(of: request)
    let task = words.count == 3 && words[0] == "v1" && words[1] == "tasks" ? words[2] : nil
    let path = task == nil ? "/" + words.joined(separator: "/") : "/v1/tasks/{name}"
    var reply: Reply
    do {
      let exchange = Exchange.current ?? connections.begin(request)
      reply = try await exchange.whileThere { [self] in try await answer(request, path: path, task: task) }
    } catch {
      reply = .failure(error)
      switch reply.status {
      case 401: reply.headers["WWW-Authenticate"] = "Bearer"
      case 429, 503: reply.headers["Retry-After"] = "5"
      default: break
      }
      if error is CancellationError { reply.status = 499 }
    }
    let known = Self.paths.contains(path) || task != nil
    metrics.countRequest(
      method: Self.methods.contains(request.method.rawValue) ? request.method.rawValue : "other",
      path: known ? path : "other", status: reply.status)
    return reply
  }

  private static let paths: Set = ["/healthz", "/metrics", "/v1/tasks", "/v1/openapi.json"]
  private static let methods: Set = ["GET", "HEAD", "POST"]

  private func answer(_ request: HTTPRequest, path: String, task: String?) async throws -> Reply {
    let isGet = [.GET, .HEAD].contains(request.method)
    if path == "/healthz", isGet { return try .json(["status": "ok"]) }
    try gate.admit(request)
    switch path {
    case "/metrics" where isGet: return await measured()
    case "/v1/tasks" where isGet: return try .json(tasks.map { TaskSchema($0).listed })
    case "/v1/openapi.json" where isGet:
      return try .json(OpenAPIDocument(tasks, version: settings.version).document)
    default: break
    }
    if Self.paths.contains(path) { throw StudioError(.badMethod, "this is asked for with GET") }
    guard let name = task else { throw StudioError(.notFound, "there is nothing here") }
    guard let task = tasks.first(where: { $0.name == name }) else {
      throw StudioError(.notFound, "there is no task \(name.prefix(60)); GET /v1/tasks lists them")
    }
    if isGet { return try .json(TaskSchema(task).listed) }
    guard request.method == .POST else { throw StudioError(.badMethod, "a task is asked for with POST") }
    return try await perform(task, request)
  }

  private func perform(_ task: TaskDescription, _ request: HTTPRequest) async throws -> Reply {
    let ticket = try admission.enter()
    let folder = try folders.make()
    let form = try await TaskForm.read(request, for: task, into: folder, most: settings.longestBody)
    let words = try CommandWords(
      task, image: nil, texts: form.texts, hostOptions: TaskSchema.hostOptions, isFile: form.files.contains)
    var own = words
    // Each of them the same share of the processors, whatever the others do.
    own.add("--threads", String(max(1, settings.processors / settings.jobs)))
    let outcome = try await runner.run(own.words, in: folder.path)
    let seed = task.parameters.first { $0.isHost && $0.name == "seed" }
    let isReport = form.texts["json"]?.last.map { ["yes", "on", "true", "1"].contains($0) } ?? false
    let answer = TaskAnswer(
      task: task, words: words, seed: seed.flatMap { form.texts[$0.name]?.last ?? $0.initial },
      outcome: outcome,
      folder: folder, isReport: isReport)
    let accepted = (request.headers[HTTPHeader("Accept")] ?? "").split(separator: ",").map {
      HeaderValue(String($0))?.value
    }
    return try answer.reply(wantsJSON: accepted.contains("application/json")) { _ = ticket }
  }

  private func measured() async -> Reply {
    var gauges = Metrics.Gauges()
    (gauges.queue, gauges.busy, gauges.workers) = (await pool.queueLength, await pool.busyCount, pool.count)
    gauges.connections = connections.count
    gauges.serverMemory = Metrics.memory(of: getpid())
    for process in await pool.processIDs { gauges.workerMemory += Metrics.memory(of: process) }
    return .text(metrics.text(gauges), type: "text/plain; version=0.0.4; charset=utf-8")
  }
}
