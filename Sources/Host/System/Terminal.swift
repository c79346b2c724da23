import Glibc
import Synchronization

/// Standard output and standard error: the first carries data alone, the second all that is for people.
enum Terminal {
  static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
  /// Where data go: standard output, also while that is led elsewhere.
  static let output = Atomic<Int32>(STDOUT_FILENO)
  static let errorIsTerminal = isatty(STDERR_FILENO) == 1
  static let usesColor =
    Installation.environment("NO_COLOR") == nil && Installation.environment("TERM") != "dumb"

  static func bold(_ text: String, on isTerminal: Bool) -> String {
    isTerminal && usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }

  /// Writes all of `text`; false when it could not be written.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        done += count
      }
      return true
    }
  }

  /// One line for people, on standard error.
  static func say(_ line: String) {
    ProgressBar.shared.clear()
    write(printable(line) + "\n", to: STDERR_FILENO)
  }

  /// `text` with characters spelt out that command a terminal or turn what is around them: it may come from files and
  /// arguments.
  static func printable(_ text: String) -> String {
    // Most texts have none, and are ASCII.
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result += scalar.escaped(asASCII: true)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func warn(_ line: String) { say("rtool: warning: \(line)") }

  /// Data for a program or the next command in a pipe.
  static func print(_ text: String) throws {
    ProgressBar.shared.clear()
    if !write(text, to: output.load(ordering: .relaxed)) {
      throw errno == EPIPE
        ? Failure.closedPipe
        : Failure.failed("standard output could not be written: \(String(cString: strerror(errno)))")
    }
  }

  /// Columns to wrap text at.
  static var columns: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return min(max(Int(size.ws_col), 40), 100)
  }
}

/// One line on a terminal that shows how far a task has come. Silent elsewhere.
final class ProgressBar: Sendable {
  static let shared = ProgressBar()

  private struct State {
    var enabled = false
    var title = ""
    var start = 0.0
    var shown = 0.0
    var isVisible = false
  }
  private let state = Mutex(State())

  func begin(_ title: String) {
    state.withLock {
      $0.enabled = Terminal.errorIsTerminal && Installation.environment("TERM") != "dumb"
      $0.title = title
      $0.start = monotonicSeconds()
    }
  }

  func end() {
    clear()
    state.withLock { $0.enabled = false }
  }

  /// - Parameter secondsLeft: nil: as the time so far and the fraction have it.
  func show(_ fraction: Double, _ note: String?, secondsLeft: Double? = nil) {
    let line = state.withLock { state -> String? in
      let now = monotonicSeconds()
      guard state.enabled, now - state.shown > 0.05 else { return nil }
      state.shown = now
      state.isVisible = true
      let width = 24
      let filled = Int(Double(width) * fraction)
      let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
      var line = "\(state.title) [\(bar)] \(padded(Int(fraction * 100), 3)) %"
      let elapsed = now - state.start
      if secondsLeft != nil || fraction > 0.02 && elapsed > 0.5 {
        let left = Int(min(secondsLeft ?? elapsed * (1 - fraction) / fraction, 1e6).rounded(.up))
        line += "  \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left"
      }
      if let note { line += "  \(Terminal.printable(note))" }
      return line
    }
    guard let line else { return }
    Terminal.write("\r\(line.prefix(Self.columns - 1))\u{1B}[K", to: STDERR_FILENO)
  }

  func clear() {
    let wasVisible = state.withLock { state in
      defer { state.isVisible = false }
      return state.isVisible
    }
    if wasVisible { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }

  private static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col)
  }
}

package func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func secondsSince1970() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func padded(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: " ", count: max(0, width - digits.count)) + digits
}
