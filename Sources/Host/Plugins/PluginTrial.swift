import Glibc
import RobustRuntime

/// The first meeting with a plugin, in a process of its own: when a library is loaded its code runs, and that may crash,
/// end the program, or never come back.
enum PluginTrial {
  /// The word that asks this program for a trial. No task can have it as its name.
  static let word = "--try-plugin"

  /// Loading takes milliseconds.
  private static let secondsAllowed: UInt32 = 5

  /// What is known of a plugin that is not part of the program, or is found out now.
  static func verdict(on candidate: PluginSearch.Candidate) -> PluginVerdict {
    if let fault = LibraryFile.fault(at: candidate.path) { return .rejected(fault) }
    let record = PluginRecord(candidate)
    if let known = record?.verdict { return known }
    let found = run(candidate)
    // Other rejections are found again as quickly, and their causes may lie outside of the file.
    switch found {
    case .usable, .late: record?.keep(found)
    case .rejected: break
    }
    return found
  }

  /// Why a plugin with this verdict is not used; nil: it is.
  static func fault(_ verdict: PluginVerdict) -> String? {
    switch verdict {
    case .usable: nil
    case .rejected(let reason): reason
    case .late: "it did not end within \(secondsAllowed) s while it was loaded"
    }
  }

  private static func run(_ candidate: PluginSearch.Candidate) -> PluginVerdict {
    // Read when all is over: a verdict is shorter than what a pipe holds.
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      return .rejected("it cannot be tried: \(String(cString: strerror(errno)))")
    }
    defer { for end in ends { close(end) } }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    var child = ChildProcess(arguments: [word, candidate.path, candidate.name])
    child.output = "/dev/fd/\(ends[1])"
    child.secondsAllowed = Double(secondsAllowed)
    let end: ChildProcess.End
    do {
      end = try child.run()
    } catch {
      return .rejected("it cannot be tried: \(Failure(error))")
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, filled in
      filled = max(read(ends[0], buffer.baseAddress!, buffer.count), 0)
    }
    switch end {
    case .timedOut, .crashed(signal: SIGALRM): return .late
    case .crashed(let signal):
      return .rejected("it crashed while it was loaded (\(ChildProcess.name(ofSignal: signal)))\(doubt)")
    case .exited:
      return PluginVerdict(String(decoding: bytes, as: UTF8.self)[...])
        ?? .rejected("it ended the program while it was loaded\(doubt)")
    }
  }

  /// What may be to blame instead.
  private static var doubt: String {
    AvailableMemory.addressSpace == nil ? "" : ", maybe for want of memory (ulimit -v)"
  }

  /// The trial itself, as the process that is started for it is asked.
  static func answer(_ words: [String]) throws {
    guard words.count == 2 else { throw Failure.usage("\(word) takes a plugin's file and name") }
    // Whoever asked may be gone.
    alarm(2 * secondsAllowed)
    var none = rlimit()
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    let verdict: PluginVerdict
    do throws(PluginRejection) {
      let plugin = try Plugin(trying: words[0], name: words[1])
      verdict = .usable(version: plugin.version, summary: plugin.summary)
    } catch {
      verdict = .rejected(Terminal.printable(error.reason))
    }
    try Terminal.print(verdict.text)
  }
}
