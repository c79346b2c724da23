import FlyingFox
import Synchronization

/// One request while it is answered.
final class Exchange: Sendable {
  /// The one that the current task is about.
  @TaskLocal static var current: Exchange?

  let body: BodyReader
  let begin = monotonicNow()
  private let listeners = Mutex<(isGone: Bool, onGone: @Sendable () -> Void)>((false, {}))
  private let answering = Atomic<Bool>(false)

  init(_ body: BodyReader) { self.body = body }

  /// Whether its body is still wanted.
  var isReading: Bool { !body.isAtEnd && !answering.load(ordering: .relaxed) }

  /// Says that no more of the body is waited for.
  func stopReading() { answering.store(true, ordering: .relaxed) }

  /// Whoever asked has closed the connection.
  func leave() {
    let listener = listeners.withLock { state -> (@Sendable () -> Void)? in
      if state.isGone { return nil }
      state.isGone = true
      return state.onGone
    }
    listener?()
  }

  /// Does `body` as long as whoever asked is there: its task is cancelled when they have gone.
  func whileThere<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws
    -> Result
  {
    let task = Task { try await body() }
    let isGone = listeners.withLock { state in
      state.onGone = { task.cancel() }
      return state.isGone
    }
    if isGone { task.cancel() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
