import Foundation
import WorkerProtocol

/// So many workers, and those who wait for one, in the order in which they came.
actor WorkerPool {
  private struct Waiting {
    let id: UUID
    let continuation: CheckedContinuation<Worker?, Never>
  }

  private let all: [Worker]
  private var idle: [Worker]
  private var waiting: [Waiting] = []
  let count: Int

  init(count: Int, program: String) {
    self.count = count
    all = (0..<count).map { _ in Worker(program: program) }
    idle = all
  }

  /// How many wait.
  var queueLength: Int { waiting.count }
  /// How many are at work.
  var busyCount: Int { count - idle.count }

  /// Process numbers of the workers that run.
  var processIDs: [pid_t] {
    get async {
      var found: [pid_t] = []
      for worker in all { if let process = await worker.processID { found.append(process) } }
      return found
    }
  }

  /// Starts the processes.
  func prepare() async { for worker in idle { try? await worker.prepare() } }

  /// Calls `body` with a worker that no one else has meanwhile, to its end even where nobody waits for that any more.
  /// - Throws: `CancellationError` where the caller's task is cancelled while it waits, and what `body` throws.
  func withWorker<Result: Sendable>(_ body: @escaping @Sendable (Worker) async throws -> Result) async throws
    -> Result
  {
    guard let worker = await take() else { throw CancellationError() }
    defer { giveBack(worker) }
    return try await Task { try await body(worker) }.value
  }

  /// Asks a worker for something that can be left undone; where none is idle it is.
  func askIfIdle(_ request: WorkerRequest) async {
    guard let worker = idle.popLast() else { return }
    defer { giveBack(worker) }
    _ = try? await worker.answer(to: request)
  }

  private func take() async -> Worker? {
    if let worker = idle.popLast() { return worker }
    let id = UUID()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled { return continuation.resume(returning: nil) }
        waiting.append(Waiting(id: id, continuation: continuation))
      }
    } onCancel: {
      Task { await self.giveUp(id) }
    }
  }

  private func giveUp(_ id: UUID) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    waiting.remove(at: index).continuation.resume(returning: nil)
  }

  private func giveBack(_ worker: Worker) {
    if waiting.isEmpty { return idle.append(worker) }
    waiting.removeFirst().continuation.resume(returning: worker)
  }
}
