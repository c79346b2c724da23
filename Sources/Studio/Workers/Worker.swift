import Foundation
import WorkerProtocol

/// A worker process and the one request that it is at. A process that crashed is followed by a new one.
actor Worker {
  private let program: String
  private var process: PipedProcess?
  private var events: AsyncStream<WorkerEvent>.Continuation?
  /// Counts processes, so that what an earlier one says last is no longer heard.
  private var generation = 0
  /// Counts requests, so that none is stopped in another's place.
  private(set) var request = 0

  init(program: String) { self.program = program }

  /// Starts the process, which then waits, so that the first request does not.
  func prepare() throws { _ = try running() }

  /// Asks for something. One request at a time: the stream ends with the event that `isEnd`.
  func ask(_ request: WorkerRequest) -> AsyncStream<WorkerEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: WorkerEvent.self)
    self.request += 1
    do {
      let process = try running()
      events = continuation
      try process.send(request)
    } catch {
      events = nil
      continuation.yield(.failed(TaskFault(.failed, (error as? StudioError)?.text ?? "\(error)")))
      continuation.finish()
    }
    return stream
  }

  /// Stops a request, if it is at that: as Ctrl-C does, and for good where it does not heed that.
  func stop(_ request: Int, patience seconds: Double = 2) async {
    guard events != nil, request == self.request, let process else { return }
    try? process.send(.stop)
    try? await Task.sleep(for: .seconds(seconds))
    if events != nil, request == self.request, self.process === process { process.end(SIGKILL) }
  }

  /// Lets a request, if it is at that, make its result of what there is.
  func finish(_ request: Int) {
    guard events != nil, request == self.request else { return }
    try? process?.send(.finish)
  }

  /// nil: it is not running.
  var processID: pid_t? { process?.process }

  private func running() throws -> PipedProcess {
    if let process { return process }
    let process = try PipedProcess(program: program, arguments: ["--work"])
    self.process = process
    generation += 1
    let generation = generation
    Thread { [weak self] in
      // In order, and none lost: each waits for the one before.
      let (lines, continuation) = AsyncStream.makeStream(of: Result<Data, Ended>.self)
      Task { [weak self] in
        for await line in lines {
          switch line {
          case .success(let data): await self?.take(data, of: generation)
          case .failure(let ended): await self?.end(ended.end, of: generation)
          }
        }
      }
      let end = process.readLines { continuation.yield(.success($0)) }
      continuation.yield(.failure(Ended(end: end)))
      continuation.finish()
    }.start()
    return process
  }

  private struct Ended: Error { let end: PipedProcess.End }

  private func take(_ line: Data, of generation: Int) {
    guard generation == self.generation, let events,
      let event = try? JSONDecoder().decode(WorkerEvent.self, from: line)
    else { return }
    if event.isEnd { self.events = nil }
    events.yield(event)
    if event.isEnd { events.finish() }
  }

  private func end(_ end: PipedProcess.End, of generation: Int) {
    guard generation == self.generation else { return }
    process = nil
    let text =
      switch end {
      case .crashed(SIGKILL): "it was ended before it was done; nothing was written"
      case .crashed(let signal):
        "the task crashed (\(signalName(signal))); nothing was written, and all else goes on"
      case .exited: "the task ended its process; nothing was written, and all else goes on"
      }
    events?.yield(.failed(TaskFault(.crashed, text)))
    events?.finish()
    events = nil
  }
}

private func signalName(_ signal: Int32) -> String {
  let names = [
    SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGFPE: "SIGFPE",
    SIGABRT: "SIGABRT",
  ]
  return names[signal] ?? "signal \(signal)"
}

extension Worker {
  /// Asks for something that ends at once with one answer.
  func answer(to request: WorkerRequest) async throws -> WorkerEvent {
    for await event in ask(request) where event.isEnd {
      if case .failed(let fault) = event {
        throw StudioError(fault)
      }
      return event
    }
    throw StudioError(.failed, "a worker did not answer")
  }
}

extension StudioError {
  /// - Parameter warnings: what was told before.
  init(_ fault: TaskFault, after warnings: [String] = []) {
    let kind: Kind =
      switch fault.kind {
      case .usage: .badRequest
      case .failed, .told: .failed
      case .diskFull: .diskFull
      case .noMemory: .unavailable
      case .misuse, .crashed, .interrupted: .broken
      }
    let isTold = fault.kind == .told && !warnings.isEmpty
    self.init(kind, isTold ? warnings.joined(separator: "; ") : fault.text)
  }
}
