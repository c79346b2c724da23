import Glibc
import Synchronization

/// Standard output carries results alone: what a plugin's code prints there goes to standard error.
enum PrintingGuard {
  /// How many calls are going on, and where standard output leads meanwhile: the descriptor that stands for it and the
  /// one before. nil: it could not be led away.
  private struct State {
    var calls = 0
    var output: (now: Int32, before: Int32)?
  }
  private static let state = Mutex(State())

  /// Calls `body`, which may run code of a plugin. Calls may overlap.
  static func during<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    // What standard output is has to be known before it is led away.
    _ = Terminal.outputIsTerminal
    state.withLock { state in
      state.calls += 1
      if state.calls == 1 { state.output = ledAway() }
    }
    defer {
      state.withLock { state in
        state.calls -= 1
        if state.calls == 0, let output = state.output {
          leadBack(output)
          state.output = nil
        }
      }
    }
    return try body()
  }

  private static func ledAway() -> (now: Int32, before: Int32)? {
    let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard output >= 0 else { return nil }
    let before = Terminal.output.exchange(output, ordering: .relaxed)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    return (output, before)
  }

  private static func leadBack(_ output: (now: Int32, before: Int32)) {
    fflush(nil)
    dup2(output.now, STDOUT_FILENO)
    Terminal.output.store(output.before, ordering: .relaxed)
    close(output.now)
  }
}
