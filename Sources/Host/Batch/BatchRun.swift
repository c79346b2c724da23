import Glibc
import Imaging
import RobustRuntime
import Synchronization

/// Does the jobs of a batch, several at once, each on a thread of its own: while one decodes or writes, others compute. Runs
/// of a task may overlap by the promise of the plugin interface; what they share of the host is made for that. The threads
/// that compute are shared out among the jobs that are at work, and the results depend on neither.
final class BatchRun: Sendable {
  let plan: BatchPlan
  /// Of the inputs that are to be done, from 0 on.
  let indices: [Int]
  let session: TaskSession
  let jobs: Int
  let budget: MemoryBudget
  let skipsExisting: Bool
  private let failsFast, isQuiet, wantsJSON: Bool
  private let reportPath: String?
  private let report = Mutex<BatchReport?>(nil)
  private let told = Console.Told()
  private let state = Monitor(State())

  private struct State {
    /// How many were begun, and what became of them.
    var begun = 0
    var counts: [BatchLine.Status: Int] = [:]
    /// Those that failed.
    var failures: [String] = []
    /// Workers that are not at their end, and jobs of theirs that compute.
    var workers = 0
    var computing = 0
    /// Of the jobs that are at work, how much is done.
    var fractions: [Int: Double] = [:]
    /// Why nothing more is begun.
    var end: Failure?
    /// Whether the program ends, so that nothing more is told.
    var isOver = false

    var ended: Int { counts.values.reduce(0, +) }
  }

  /// - Parameter indices: of the inputs that are to be done, from 0 on.
  init(_ plan: BatchPlan, _ indices: [Int], _ session: TaskSession, _ options: OptionValues) throws {
    (self.plan, self.indices, self.session) = (plan, indices, session)
    // What watches a task can watch one alone.
    let wanted = Watch.isOn ? 1 : options[BatchOption.jobs] ?? min(session.threads, 64)
    jobs = max(1, min(wanted, indices.count))
    budget = MemoryBudget(
      bytes: options[BatchOption.memory].map { Int($0 * Double(1 << 30)) } ?? MemoryBudget.usual)
    skipsExisting = options[BatchOption.skipExisting]
    failsFast = options[BatchOption.failFast]
    isQuiet = options[HostOption.quiet]
    wantsJSON = options[HostOption.report]
    reportPath = options[BatchOption.report]
  }

  func job(_ index: Int) throws -> TaskJob { try TaskJob(plan.plugin, plan.arguments(index)) }

  func isCurrent(_ index: Int) throws -> Bool { try ExistingResult.isCurrent(job(index), in: session) }

  /// Seconds that inputs took which the report names as done.
  var recordedSeconds: [Double] { reportPath.map(BatchReport.secondsOfDone) ?? [] }

  /// Does all. What fails is told as it comes, and once more at the end.
  /// - Throws: `Failure.told` where something failed, `interrupted`, or what ended it all.
  func run() throws {
    if let reportPath {
      let opened = try BatchReport(reportPath)
      report.withLock { $0 = opened }
    }
    Imaging.configure(threads: max(1, session.threads / jobs))
    if !isQuiet { ProgressBar.shared.begin(plan.plugin.name) }
    let begin = monotonicSeconds()
    try PrintingGuard.during {
      for worker in 0..<jobs {
        state.change { $0.workers += 1 }
        do {
          try JobThread.start { [self] in work(worker) }
        } catch {
          state.change { $0.workers -= 1 }
          if worker == 0 { throw error }
          break
        }
      }
      awaitEnd(since: begin)
    }
    ProgressBar.shared.end()
    try sumUp(seconds: monotonicSeconds() - begin)
  }

  /// Waits for the workers, or for as long as a task has to stop that was interrupted.
  private func awaitEnd(since begin: Double) {
    var deadline: Double?
    state.wait { state -> Void? in
      if state.workers == 0 { return () }
      let now = monotonicSeconds()
      if Interrupt.isRequested {
        deadline = deadline ?? now + 0.6
        if now >= deadline! { return () }
      }
      show(state, seconds: now - begin)
      return nil
    }
  }

  private func show(_ state: State, seconds: Double) {
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

  private func work(_ worker: Int) {
    while let index = next() {
      let input = plan.inputs[index]
      let begin = monotonicSeconds()
      var line = BatchLine(input: input.title)
      do {
        let arguments = try plan.arguments(index)
        line.output = arguments.last(HostOption.output.parameter.name) ?? ""
        let made = try perform(arguments, input, worker)
        (line.status, line.report) = (made == nil ? .skipped : .done, made?.report)
        line.seconds = monotonicSeconds() - begin
        tell(line, text: made?.text ?? "")
      } catch {
        line.seconds = monotonicSeconds() - begin
        end(line, Failure(error))
      }
      state.change { $0.fractions[worker] = nil }
    }
    state.change { $0.workers -= 1 }
  }

  private func next() -> Int? {
    state.change { state in
      guard !Interrupt.isRequested, state.end == nil, state.begun < indices.count else { return nil }
      defer { state.begun += 1 }
      return indices[state.begun]
    }
  }

  /// nil: the result is there already.
  private func perform(_ arguments: ParsedArguments, _ input: BatchInput, _ worker: Int) throws
    -> (report: Report, text: String)?
  {
    for path in plan.written(arguments) { try OutputFolder.make(folder(of: path)) }
    let job = try TaskJob(plan.plugin, arguments)
    if skipsExisting, (try? ExistingResult.isCurrent(job, in: session)) == true { return nil }
    var console = Console(task: plan.plugin.name, isQuiet: job.settings.isQuiet)
    let text = Mutex("")
    (console.subject, console.told) = (input.title, told)
    console.print = { more in text.withLock { $0 += more } }
    console.show = { [state] fraction, _ in state.change { $0.fractions[worker] = fraction } }
    // What cannot be read is told by the job itself.
    let need =
      (try? JobMemory.need(of: job.values(in: session), limits: job.settings.limits, in: session)) ?? 0
    let report = try budget.with(need) { share in
      compute(1)
      defer { compute(-1) }
      return try job.run(in: session, console) { [budget] bytes in try budget.enlarge(share, to: bytes) }
    }
    if report.hasSkipped { throw Failure.told }
    return (report, text.withLock { $0 })
  }

  /// Shares out the threads anew: each job has one, and what is left over is used by one of them.
  private func compute(_ more: Int) {
    state.change { state in
      state.computing += more
      RobustRuntime.configure(threads: max(1, session.threads - max(state.computing, 1) + 1))
    }
  }

  private func tell(_ line: BatchLine, text: String = "") {
    let (ended, isOver) = state.change { state in
      state.counts[line.status, default: 0] += 1
      return (state.ended, state.isOver)
    }
    if isOver { return }
    do {
      try report.withLock { try $0?.add(line) }
      if wantsJSON {
        try Terminal.print(line.json(done: ended, of: indices.count) + "\n")
      } else if !text.isEmpty {
        try Terminal.print("\(line.input)\n\(text)\(text.hasSuffix("\n") ? "" : "\n")\n")
      }
    } catch {
      state.change { $0.end = Failure(error) }
    }
  }

  private func end(_ line: BatchLine, _ failure: Failure) {
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

  private func sumUp(seconds: Double) throws {
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
