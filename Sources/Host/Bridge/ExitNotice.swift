import Glibc

/// While a plugin's code runs it may end the whole program by exit(), which would look like success: then it is told.
enum ExitNotice {
  /// The line to write; nil: no code of a plugin runs.
  nonisolated(unsafe) private static var line: String?

  private static let isRegistered: Void = {
    atexit {
      guard let line = ExitNotice.line else { return }
      _ = (line + "\n").withCString { write(STDERR_FILENO, $0, strlen($0)) }
      _exit(1)
    }
  }()

  /// Calls `body`; if that ends the program, the program says `text` and fails.
  static func during<Result, Failure>(_ text: String, _ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    _ = isRegistered
    line = text
    defer { line = nil }
    return try body()
  }
}
