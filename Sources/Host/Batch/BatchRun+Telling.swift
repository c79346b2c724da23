import Glibc
import Imaging

/// What a batch tells: how far it is, each input that is done or failed, and the sum at the end.
extension BatchRun {
  func show(_ state: BatchState, seconds: Double) {
    let (skipped, worked) = (state.counts[.skipped] ?? 0, state.ended - (state.counts[.skipped] ?? 0))
    let done = Double(worked) + state.fractions.values.reduce(0, +)
    let left = Double(indices.count - skipped) - done
    var note = "\(state.ended)/\(indices.count)"
    if let failed = state.counts[.failed] { note += ", \(failed) failed" }
    let rate = done / max(seconds, 1e-3)
    if worked > 0 {
      note +=
        rate >= 1 ? ", \(numberText((rate * 10).rounded() / 10))/s" : ", \(Int((rate * 60).rounded()))/min"
    }
    ProgressBar.shared.show(
      (Double(skipped) + done) / Double(max(indices.count, 1)), note,
      secondsLeft: worked > 0 ? left / rate : nil)
  }

  func tell(_ line: BatchLine, text: String = "") {
    var line = line
    line.time = secondsSince1970()
    // One after the other, so that the numbers of lines rise.
    report.withLock { report in
      let (ended, isOver) = state.change { state in
        state.count(line.status)
        return (state.ended, state.isOver)
      }
      if isOver { return }
      ledger.end(line.index, line.status)
      do {
        try report?.add(line)
        if wantsJSON {
          try Terminal.print(line.json(done: ended, of: indices.count) + "\n")
        } else if !text.isEmpty {
          try Terminal.print("\(line.input)\n\(text)\(text.hasSuffix("\n") ? "" : "\n")\n")
        }
      } catch {
        state.change { $0.end = Failure(error) }
      }
    }
  }

  func end(_ line: BatchLine, _ failure: Failure) {
    if failure.kind == .interrupted || state.change({ $0.isOver }) { return }
    if failure.kind == .closedPipe { return state.change { $0.end = failure } }
    let text = failure.description
    if !text.isEmpty {
      Terminal.say(
        "rtool \(plan.plugin.name): \(text.contains(line.input) ? text : "\(line.input): \(text)")")
    }
    state.change { state in
      state.failures.append(line.input)
      // No later one could be written either.
      if failsFast || failure.kind == .diskFull { state.end = state.end ?? .told }
    }
    var line = line
    (line.status, line.error) = (.failed, text.isEmpty ? "it was told before" : text)
    tell(line)
  }

  func sumUp(seconds: Double) throws {
    let state = state.change { state in
      state.isOver = true
      return state
    }
    if let end = state.end, end.kind != .told { throw end }
    let (done, skipped) = (state.counts[.done] ?? 0, state.counts[.skipped] ?? 0)
    var words = ["\(done) done"]
    if skipped > 0 { words.append("\(skipped) kept") }
    if !state.failures.isEmpty { words.append("\(state.failures.count) failed") }
    if state.ended < indices.count { words.append("\(indices.count - state.ended) not done") }
    let sum = words.joined(separator: ", ")
    if Interrupt.isRequested {
      Imaging.removePendingOutput()
      throw Failure.interrupted.adding("; \(sum); the same command with --skip-existing goes on")
    }
    guard !state.failures.isEmpty else {
      if !isQuiet { Terminal.say("rtool \(plan.plugin.name): \(sum) in \(Self.duration(seconds))") }
      return
    }
    let named = state.failures.prefix(5).joined(separator: ", ")
    let others = state.failures.count > 5 ? " and \(state.failures.count - 5) more" : ""
    Terminal.say("rtool \(plan.plugin.name): \(sum): \(named)\(others)")
    throw Failure.told
  }

  private static func duration(_ seconds: Double) -> String {
    seconds < 100
      ? "\(numberText((seconds * 10).rounded() / 10)) s" : "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
  }
}
