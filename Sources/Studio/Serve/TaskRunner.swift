import Foundation
import Synchronization
import WorkerProtocol

/// Does commands of tasks with workers, each in its own time.
struct TaskRunner: Sendable {
  struct Outcome: Sendable {
    var result: TaskResult
    var warnings: [String] = []
    /// What the task printed.
    var text = ""
  }

  let pool: WorkerPool
  /// In seconds.
  let longestRun: Double
  let metrics: Metrics

  private static let longestText = 32 << 20
  private static let mostWarnings = 100

  /// Waits for a worker and has it do the command. Where the calling task is cancelled, the run is stopped.
  /// - Parameter folder: where the files lie that the words name, and where results are written.
  /// - Throws: `StudioError`, and `CancellationError` where it was stopped.
  func run(_ words: [String], in folder: String) async throws -> Outcome {
    let state = RunState()
    return try await withTaskCancellationHandler {
      try await pool.withWorker { worker in
        guard !state.isStopped else { throw CancellationError() }
        let limit = Task {
          try await Task.sleep(for: .seconds(longestRun))
          state.isLate.store(true, ordering: .relaxed)
          state.stopWorker()
        }
        defer { limit.cancel() }
        let begin = monotonicNow()
        var failure: (any Error)?
        var outcome: Outcome?
        do { outcome = try await perform(words, in: folder, with: worker, state) } catch { failure = error }
        let isLate = state.isLate.load(ordering: .relaxed)
        if outcome == nil, isLate {
          failure = StudioError(.tooLate, "it took longer than \(Int(longestRun)) seconds, and was ended")
        } else if outcome == nil, state.isStopped {
          failure = CancellationError()
        }
        metrics.countRun(of: words[0], seconds: monotonicNow() - begin, failure: failure)
        if let failure { throw failure }
        return outcome!
      }
    } onCancel: {
      state.stop()
    }
  }

  private func perform(_ words: [String], in folder: String, with worker: Worker, _ state: RunState)
    async throws -> Outcome
  {
    var outcome = Outcome(result: TaskResult(outputs: []))
    let request = WorkerRequest.run(.init(arguments: words, folder: folder, isWatched: false))
    let events = await worker.ask(request)
    state.begin(worker, request: await worker.request)
    defer { state.end() }
    for await event in events {
      switch event {
      case .warning(let text): if outcome.warnings.count < Self.mostWarnings { outcome.warnings.append(text) }
      case .text(let text):
        if outcome.text.utf8.count + text.utf8.count <= Self.longestText { outcome.text += text }
      case .done(let result):
        outcome.result = result
        return outcome
      case .failed(let fault): throw StudioError(fault, after: outcome.warnings)
      default: if event.isEnd { throw WorkerPool.confusion }
      }
    }
    throw StudioError(.broken, "a worker did not answer")
  }

  /// The worker of a run, if it has one, so that it can be stopped from elsewhere.
  private final class RunState: Sendable {
    let isLate = Atomic<Bool>(false)
    private let state = Mutex<(worker: Worker?, request: Int, isStopped: Bool)>((nil, 0, false))

    var isStopped: Bool { state.withLock { $0.isStopped } }

    func begin(_ worker: Worker, request: Int) {
      state.withLock { ($0.worker, $0.request) = (worker, request) }
      if isStopped { stopWorker() }
    }

    func end() { state.withLock { $0.worker = nil } }

    func stop() {
      state.withLock { $0.isStopped = true }
      stopWorker()
    }

    func stopWorker() {
      let (worker, request) = state.withLock { ($0.worker, $0.request) }
      if let worker { Task { await worker.stop(request) } }
    }
  }
}
