import Glibc

/// One run of the task in a process of its own, and what came of it.
struct CheckedRun {
  /// As the user would type it, without folders.
  let command: String
  let end: ChildProcess.End
  /// What it wrote, by name: the files in its folder, and standard output as "-".
  let results: [String: [UInt8]]
  let errors: [Substring]
  let seconds: Double

  var isDone: Bool { end == .exited(0) }
  var isUsage: Bool { end == .exited(2) }

  /// What it said last, without the name of the program.
  var message: String {
    let line = errors.last ?? "nothing"
    return String(line.firstRange(of: ": ").map { line[$0.upperBound...] } ?? line)
  }

  static let mistake = "the plugin made a mistake"

  /// What no run may do, in words; nil: it did its work, or said in one line why not.
  func fault(mayRefuse: Bool = false) -> String? {
    switch end {
    case .timedOut: return "it did not end within \(numberText(seconds.rounded())) s"
    case .crashed(let signal): return "it crashed (\(ChildProcess.name(ofSignal: signal)))"
    case .exited(0): return results.isEmpty ? "it made nothing" : nil
    case .exited(1), .exited(2):
      if isUsage && !mayRefuse { return "it refused a legal call: \(message)" }
      if errors.count != 1 || !errors[0].hasPrefix("rtool") {
        return "it failed with \(errors.count) lines instead of one that says why"
      }
      if message.hasPrefix(Self.mistake) { return message }
      return results.isEmpty ? nil : "it failed and left \(results.keys.sorted().joined(separator: ", "))"
    case .exited(let code): return "it ended with exit code \(code)"
    }
  }
}
