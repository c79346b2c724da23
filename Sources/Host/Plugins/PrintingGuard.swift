import Glibc

/// Standard output carries results alone: what a plugin's code prints there goes to standard error.
enum PrintingGuard {
  /// Calls `body`, which may run code of a plugin.
  static func during<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    // What standard output is has to be known before it is led away.
    _ = Terminal.outputIsTerminal
    let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard output >= 0 else { return try body() }
    let before = Terminal.output.exchange(output, ordering: .relaxed)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    defer {
      fflush(nil)
      dup2(output, STDOUT_FILENO)
      Terminal.output.store(before, ordering: .relaxed)
      close(output)
    }
    return try body()
  }
}
