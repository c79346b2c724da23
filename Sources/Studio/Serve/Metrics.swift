import Foundation
import Synchronization

/// What a server has done, as Prometheus reads it.
final class Metrics: Sendable {
  private struct Histogram {
    static let bounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
    /// Counts in each bound's own bucket, and beyond all.
    var counts = [Int](repeating: 0, count: bounds.count + 1)
    var sum = 0.0

    mutating func add(_ seconds: Double) {
      counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
      sum += seconds
    }
  }

  private struct Request: Hashable {
    let method, path: String
    let status: Int
  }

  private struct Run: Hashable { let task, result: String }

  private struct State {
    var requests: [Request: Int] = [:]
    var runs: [Run: Int] = [:]
    var seconds: [String: Histogram] = [:]
  }

  private let state = Mutex(State())

  /// - Parameter path: the route, not what was asked for, of which there can be any number.
  func countRequest(method: String, path: String, status: Int) {
    state.withLock { $0.requests[Request(method: method, path: path, status: status), default: 0] += 1 }
  }

  func countRun(of task: String, seconds: Double, failure: (any Error)?) {
    let result =
      switch failure {
      case nil: "done"
      case is CancellationError: "stopped"
      case let error as StudioError:
        switch error.kind {
        case .badRequest: "usage"
        case .tooLate: "late"
        case .broken: "broken"
        default: "failed"
        }
      default: "failed"
      }
    state.withLock { state in
      state.runs[Run(task: task, result: result), default: 0] += 1
      state.seconds[task, default: Histogram()].add(seconds)
    }
  }

  /// What is so at the moment.
  struct Gauges {
    var queue = 0, busy = 0, workers = 0, connections = 0
    /// Resident, in bytes.
    var serverMemory = 0, workerMemory = 0
  }

  /// In the text format of Prometheus, 0.0.4.
  func text(_ gauges: Gauges) -> String {
    let state = state.withLock { $0 }
    var lines: [String] = []
    func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)])
    {
      lines += ["# HELP rtool_\(name) \(help)", "# TYPE rtool_\(name) \(type)"]
      lines += samples.map { "rtool_\(name)\($0.labels) \($0.value)" }
    }
    family(
      "requests_total", "counter", "Requests answered.",
      state.requests.map {
        (
          Self.labels([("method", $0.key.method), ("path", $0.key.path), ("status", String($0.key.status))]),
          String($0.value)
        )
      }.sorted { $0.0 < $1.0 })
    family(
      "runs_total", "counter", "Runs of tasks, by how they ended.",
      state.runs.map { (Self.labels([("task", $0.key.task), ("result", $0.key.result)]), String($0.value)) }
        .sorted { $0.0 < $1.0 })
    lines += ["# HELP rtool_run_seconds Seconds that runs took.", "# TYPE rtool_run_seconds histogram"]
    for (task, histogram) in state.seconds.sorted(by: { $0.key < $1.key }) {
      var total = 0
      for (bound, count) in zip(Histogram.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
        total += count
        lines.append("rtool_run_seconds_bucket\(Self.labels([("task", task), ("le", bound)])) \(total)")
      }
      lines.append("rtool_run_seconds_sum\(Self.labels([("task", task)])) \(histogram.sum)")
      lines.append("rtool_run_seconds_count\(Self.labels([("task", task)])) \(total)")
    }
    for (name, help, value) in [
      ("queue_length", "Runs that wait for a worker.", gauges.queue),
      ("busy_workers", "Workers that are at a run.", gauges.busy),
      ("workers", "Workers that there may be.", gauges.workers),
      ("connections", "Open connections.", gauges.connections),
      ("server_resident_bytes", "Memory of the server.", gauges.serverMemory),
      ("workers_resident_bytes", "Memory of all workers together.", gauges.workerMemory),
    ] {
      family(name, "gauge", help, [("", String(value))])
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func labels(_ labels: [(String, String)]) -> String {
    let texts = labels.map { name, value in
      let value = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
        "\n", with: "\\n")
      return "\(name)=\"\(value)\""
    }
    return "{\(texts.joined(separator: ","))}"
  }

  /// Resident memory of a process, in bytes; 0 where it is gone.
  static func memory(of process: pid_t) -> Int {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/statm"),
      let pages = String(decoding: data, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap({
        Int($0)
      })
    else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
