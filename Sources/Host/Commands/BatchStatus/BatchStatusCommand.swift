import RobustRuntime

/// `rtool batch-status FOLDER|REPORT ...`: how far the processes are that do a batch, by their reports and claims.
enum BatchStatusCommand {
  private static let paths = Option<[String]>.texts(
    "paths", value: "FOLDER|REPORT", flags: [.positional, .required, .repeated],
    "folders of results, with the claims and reports (.jsonl) in them, and reports that are elsewhere")

  static let parameters =
    [paths.parameter, BatchOption.claimSeconds.parameter] + ListCommands.parameters

  /// So many reasons of failures are told to people.
  private static let mostReasons = 10

  static func run(_ values: OptionValues) throws {
    var tally = ReportTally()
    var claims: [ClaimSurvey.Claim] = []
    for path in values[paths] {
      if isFolder(path) {
        let survey = try ClaimSurvey(folder: path, patience: Double(values[BatchOption.claimSeconds]))
        claims += survey.claims
        for report in survey.reports { try tally.read(report) }
      } else {
        try tally.read(path)
      }
    }
    let status = BatchStatus(tally, claims, now: secondsSince1970())
    try Terminal.print(
      values[ListCommands.json] ? encodedJSON(status) + "\n" : text(status).map { "\($0)\n" }.joined())
  }

  private static func text(_ status: BatchStatus) -> [String] {
    var words = ["\(status.done) done"]
    if status.skipped > 0 { words.append("\(status.skipped) kept") }
    if status.failed > 0 { words.append("\(status.failed) failed") }
    var lines = [
      "\(words.joined(separator: ", ")), by \(counted(status.reports, "report"))"
        + (status.broken > 0 ? "; \(counted(status.broken, "line")) of them cannot be read" : "")
    ]
    for reason in status.reasons.prefix(mostReasons) {
      lines.append("  \(reason.count) failed: \(reason.error) (\(reason.example))")
    }
    if status.reasons.count > mostReasons {
      lines.append(
        "  and for \(counted(status.reasons.count - mostReasons, "other reason")); --json tells all")
    }
    if let rate = status.rate, let last = status.secondsSinceLast {
      let speed =
        rate >= 1 ? "\(rounded(rate)) a second" : "\(rounded(rate * 60)) a minute"
      lines.append("\(speed), the last one \(duration(last)) ago")
    }
    for worker in status.workers {
      lines.append(
        "  \(worker.name): \(worker.done) done" + (worker.failed > 0 ? ", \(worker.failed) failed" : ""))
    }
    let stale = status.claims.count(where: \.isStale)
    if !status.claims.isEmpty {
      lines.append(
        "\(counted(status.claims.count, "claim"))"
          + (stale > 0 ? ", \(stale) of them stale: the next process of the batch takes these over" : ""))
    }
    for claim in status.claims {
      lines.append(
        "  \(claim.holder) \(claim.isStale ? "was silent for" : "renewed it") \(duration(claim.age))"
          + (claim.isStale ? "" : " ago") + ": \(claim.file)")
    }
    return lines.map(Terminal.printable)
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  private static func rounded(_ number: Double) -> String { numberText((number * 10).rounded() / 10) }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    return whole < 100 ? "\(whole) s" : whole < 6000 ? "\(whole / 60) min" : "\(whole / 3600) h"
  }
}

/// What is known of a batch.
struct BatchStatus: Encodable {
  struct Reason: Encodable {
    let error: String
    let count: Int
    /// An input that failed so.
    let example: String
  }

  struct Worker: Encodable {
    /// Its machine and process.
    let name: String
    let done, failed: Int
  }

  let done, skipped, failed, reports: Int
  /// Lines that are none.
  let broken: Int
  let reasons: [Reason]
  /// Inputs that were done a second, from the first one's begin to the last one's end; nil: the reports do not say when.
  let rate, secondsSinceLast: Double?
  let workers: [Worker]
  let claims: [ClaimSurvey.Claim]

  /// - Parameter now: seconds since 1970.
  init(_ tally: ReportTally, _ claims: [ClaimSurvey.Claim], now: Double) {
    let outcomes = tally.outcomes.values
    done = outcomes.count { $0.status == .done }
    skipped = outcomes.count { $0.status == .skipped }
    let failures = outcomes.filter { $0.status == .failed }
    failed = failures.count
    (reports, broken) = (tally.reports, tally.broken)
    reasons = Dictionary(grouping: failures, by: \.reason).map { reason, all in
      Reason(error: reason, count: all.count, example: all.map(\.input).min()!)
    }.sorted { ($1.count, $0.error) < ($0.count, $1.error) }
    if let (begin, end) = tally.span {
      rate = Double(done) / max(end - begin, 1e-3)
      secondsSinceLast = max(0, now - end)
    } else {
      (rate, secondsSinceLast) = (nil, nil)
    }
    workers = tally.workers.map { Worker(name: $0, done: $1.done, failed: $1.failed) }.sorted {
      $0.name < $1.name
    }
    self.claims = claims.sorted { $0.file < $1.file }
  }
}
