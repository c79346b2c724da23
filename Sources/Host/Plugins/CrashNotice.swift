import CLastWords
import Glibc

/// While a plugin is being loaded its own code runs, and a damaged file can end the program: then at least the file is
/// named.
enum CrashNotice {
  private static let signals = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT]
  /// The line to write, in memory that a signal handler may read.
  nonisolated(unsafe) private static var line: UnsafeMutableBufferPointer<UInt8>?

  /// Calls `body`; if that crashes, the program ends with one line that begins with `text`.
  static func during<Result, Failure>(_ text: String, _ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    let bytes = Array("rtool: \(text) crashed the program; remove or replace it\n".utf8)
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = buffer.initialize(from: bytes)
    line = buffer
    var action = sigaction()
    // A stack of its own, since a damaged file may have used up the other.
    var stack = stack_t()
    stack.ss_size = 1 << 16
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: stack.ss_size, alignment: 16)
    var previousStack = stack_t()
    sigaltstack(&stack, &previousStack)
    action.sa_flags = SA_ONSTACK
    var previous = Array(repeating: action, count: signals.count)
    action.__sigaction_handler.sa_handler = { _ in
      if last_words_are_due() { last_words_end() }
      if let line = CrashNotice.line { _ = write(STDERR_FILENO, line.baseAddress, line.count) }
      _exit(1)
    }
    for (index, signal) in signals.enumerated() { sigaction(signal, &action, &previous[index]) }
    defer {
      for (index, signal) in signals.enumerated() { sigaction(signal, &previous[index], nil) }
      sigaltstack(&previousStack, nil)
      stack.ss_sp.deallocate()
      line = nil
      buffer.deallocate()
    }
    return try body()
  }
}
