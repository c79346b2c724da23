import Glibc
import RobustRuntime
import WorkerProtocol

/// What the reports of a batch's processes say, of each input the best: what failed in one process may be done by another.
struct ReportTally {
  struct Outcome {
    let input: String
    var status: BatchLine.Status
    /// Why it failed, without the input's name.
    var reason = ""
  }

  /// By outputs; by inputs where none is told.
  private(set) var outcomes: [String: Outcome] = [:]
  private(set) var reports = 0
  /// Lines that are none of a report, the last ones aside, which may be at being written.
  private(set) var broken = 0
  /// From the begin of the first input that was done to the end of the last, in seconds since 1970.
  private(set) var span: (begin: Double, end: Double)?
  private(set) var workers: [String: (done: Int, failed: Int)] = [:]

  /// - Throws: `Failure` where the file cannot be read.
  mutating func read(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Failure.failed("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    reports += 1
    var lines = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw Failure.failed("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      if count == 0 { return }
      lines.feed(buffer[..<count]) { add($0) }
    }
  }

  private mutating func add(_ line: [UInt8]) {
    if line.isEmpty { return }
    guard let members = (try? JSONValue(String(decoding: line, as: UTF8.self)))?.object else {
      broken += 1
      return
    }
    func value(_ name: String) -> JSONValue? { members.first { $0.name == name }?.value }
    func number(_ name: String) -> Double? {
      if case .number(let number)? = value(name) { number } else { nil }
    }
    func text(_ name: String) -> String? {
      if case .string(let text)? = value(name) { text } else { nil }
    }
    guard let input = text("input"), let status = text("status").flatMap(BatchLine.Status.init) else {
      broken += 1
      return
    }
    count(status, of: text("process"))
    if status == .done, let end = number("time") {
      let begin = end - (number("seconds") ?? 0)
      span = span.map { (min($0.begin, begin), max($0.end, end)) } ?? (begin, end)
    }
    let key = text("output").flatMap { $0.isEmpty ? nil : $0 } ?? input
    if let known = outcomes[key]?.status, rank(known) >= rank(status) { return }
    var outcome = Outcome(input: input, status: status)
    if status == .failed { outcome.reason = Self.reason(text("error") ?? "", input) }
    outcomes[key] = outcome
  }

  private mutating func count(_ status: BatchLine.Status, of worker: String?) {
    guard let worker, status != .skipped else { return }
    var counts = workers[worker] ?? (0, 0)
    if status == .done { counts.done += 1 } else { counts.failed += 1 }
    workers[worker] = counts
  }

  private func rank(_ status: BatchLine.Status) -> Int {
    switch status {
    case .failed: 0
    case .skipped: 1
    case .done: 2
    }
  }

  /// The same for all inputs that fail so.
  private static func reason(_ error: String, _ input: String) -> String {
    var text = error
    for name in [input, String(fileName(of: input))] where !name.isEmpty {
      text = text.replacing("\(name): ", with: "").replacing(name, with: "it")
    }
    return text
  }
}
