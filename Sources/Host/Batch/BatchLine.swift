/// What is told of one input, to programs: a line of --report, and of --json.
struct BatchLine {
  enum Status: String {
    case done, skipped, failed
  }

  /// The input's number, from 0 on.
  let index: Int
  let input: String
  var output = ""
  var status = Status.done
  var seconds = 0.0
  var error: String?
  /// When it ended, in seconds since 1970.
  var time = 0.0
  var report: Report?

  init(index: Int, input: String) { (self.index, self.input) = (index, input) }

  /// One object.
  var json: String { Report.object(members) }

  /// With what --json tells of a run, and how far the batch is.
  func json(done: Int, of total: Int) -> String {
    let run = report.map { [("run", Report.onOneLine($0.json))] } ?? []
    return Report.object(members + run + [("done", "\(done)"), ("total", "\(total)")])
  }

  private var members: [(String, String)] {
    var members = [
      ("input", encodedJSON(input)), ("output", encodedJSON(output)),
      ("status", encodedJSON(status.rawValue)), ("seconds", numberText((seconds * 1000).rounded() / 1000)),
      ("time", numberText((time * 1000).rounded() / 1000)), ("process", encodedJSON(ProcessName.own)),
    ]
    if let error { members.append(("error", encodedJSON(error))) }
    if let report {
      members.append(("outputs", encodedJSON(report.entries.flatMap(\.outputs))))
      members.append(("figures", encodedJSON(report.entries.last?.step?.facts ?? [:])))
    }
    return members
  }
}
