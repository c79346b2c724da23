import Glibc
import Synchronization

/// While a plugin's code runs it may end the whole program by exit(), which would look like success: then it is told.
enum ExitNotice {
  /// The line to write; nil: no code of a plugin runs.
  nonisolated(unsafe) private static var line: String?
  /// How many calls are going on; those that overlap are of one plugin.
  private static let calls = Mutex(0)

  /// Whether another process tells that this one was ended.
  nonisolated(unsafe) static var isToldElsewhere = false

  private static let isRegistered: Void = {
    atexit {
      guard let line = ExitNotice.line else { return }
      if ExitNotice.isToldElsewhere { _exit(1) }
      _ = (line + "\n").withCString { write(STDERR_FILENO, $0, strlen($0)) }
      _exit(1)
    }
  }()

  /// Calls `body`; if that ends the program, the program says `text` and fails.
  static func during<Result, Failure>(_ text: String, _ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    _ = isRegistered
    calls.withLock {
      if $0 == 0 { line = text }
      $0 += 1
    }
    defer {
      calls.withLock {
        $0 -= 1
        if $0 == 0 { line = nil }
      }
    }
    return try body()
  }
}
