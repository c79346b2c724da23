import Glibc
import Imaging
import RobustRuntime
import Synchronization

/// Does the jobs of a batch, several at once, each on a thread of its own: while one decodes or writes, others compute. Runs
/// of a task may overlap by the promise of the plugin interface; what they share of the host is made for that. The threads
/// that compute are shared out among the jobs that are at work, and the results depend on neither.
final class BatchRun: Sendable {
  let plan: BatchPlan
  /// The numbers of the inputs that are to be done, from 0 on.
  let indices: [Int]
  let session: TaskSession
  let jobs: Int
  let budget: MemoryBudget
  let skipsExisting, failsFast, isQuiet, wantsJSON: Bool
  /// nil: no other process is at the same batch.
  private let claims: Claims?
  private let listing = OutputListing()
  private let reportPath: String?
  let report = Mutex<BatchReport?>(nil)
  private let told = Console.Told()
  /// Whether it was looked at whether results can be seen to be done.
  private let isKnown = Atomic(false)
  let state: Monitor<BatchState>
  /// What became of each input, in processes before this one as well.
  let ledger: BatchLedger

  /// - Parameter indices: of the inputs that are to be done, from 0 on.
  init(
    _ plan: BatchPlan, _ indices: [Int], _ session: TaskSession, _ options: OptionValues,
    _ ledger: BatchLedger
  )
    throws
  {
    (self.plan, self.indices, self.session, self.ledger) = (plan, indices, session, ledger)
    // What watches a task can watch one alone.
    let wanted = Watch.isOn ? 1 : options[BatchOption.jobs] ?? min(session.threads, 64)
    jobs = max(1, min(wanted, indices.count))
    budget = MemoryBudget(
      bytes: options[BatchOption.memory].map { Int($0 * Double(1 << 30)) } ?? MemoryBudget.usual)
    let recordsNothing = options[HostOption.stripMetadata]
    // The tasks of a job run the same command, and none can know how many there are: array indices may have gaps.
    let isShared =
      options[BatchOption.share]
      || Processors.isSlurmJob && options[BatchOption.shard] == nil && !recordsNothing
    skipsExisting = options[BatchOption.skipExisting] || isShared
    failsFast = options[BatchOption.failFast]
    isQuiet = options[HostOption.quiet]
    wantsJSON = options[HostOption.report]
    reportPath = options[BatchOption.report]
    if skipsExisting, recordsNothing {
      throw Failure.usage(
        isShared
          ? "--share knows what others did by what is recorded in it, and --strip-metadata leaves that out; "
            + "divide the work by --shard"
          : "--skip-existing knows results by what is recorded in them, and --strip-metadata leaves that out")
    }
    claims =
      try isShared && !options[BatchOption.dryRun]
      ? Claims(patience: Double(options[BatchOption.claimSeconds])) : nil
    // Each process has an order of its own, so that they seldom want the same.
    state = Monitor(BatchState(isShared ? indices.shuffled() : indices, plan, ledger))
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
    for index in indices where ledger[index].state == .crashed { tellCrash(index) }
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
      awaitEnd()
    }
    claims?.releaseAll()
    ProgressBar.shared.end()
    try sumUp(seconds: monotonicSeconds() - ledger.start)
  }

  /// Waits for the workers, or for as long as a task has to stop that was interrupted.
  private func awaitEnd() {
    var deadline: Double?
    state.wait { state -> Void? in
      if state.workers == 0 { return () }
      let now = monotonicSeconds()
      if Interrupt.isRequested {
        deadline = deadline ?? now + 0.6
        if now >= deadline! { return () }
      }
      show(state, seconds: now - ledger.start)
      return nil
    }
  }

  private func work(_ worker: Int) {
    while let index = next() {
      let input = plan.inputs[index]
      let begin = monotonicSeconds()
      ledger.begin(index)
      var line = BatchLine(index: index, input: input.title)
      do {
        let arguments = try plan.arguments(index)
        line.output = arguments.last(HostOption.output.parameter.name) ?? ""
        let made = try perform(arguments, input, worker)
        line.seconds = monotonicSeconds() - begin
        switch made {
        case .elsewhere:
          ledger.putOff(index)
          state.change { $0.putOff(index) }
        case .before:
          line.status = .skipped
          tell(line)
        case .now(let report, let text):
          line.report = report
          tell(line, text: text)
        }
      } catch {
        line.seconds = monotonicSeconds() - begin
        end(line, Failure(error))
      }
      state.change {
        $0.fractions[worker] = nil
        $0.leave()
      }
    }
    state.change { $0.workers -= 1 }
  }

  /// A process before this one was lost on it.
  private func tellCrash(_ index: Int) {
    var line = BatchLine(index: index, input: plan.inputs[index].title)
    line.output = plan.output(index) ?? ""
    line.seconds = monotonicSeconds() - ledger[index].begin
    end(line, .failed(ledger[index].cause.text))
  }

  /// What is to be done next; waits where all that is left is with other processes. nil: nothing.
  private func next() -> Int? {
    state.wait { state -> Int?? in
      if Interrupt.isRequested || state.end != nil || state.isEmpty { return .some(nil) }
      return state.next(at: monotonicSeconds()).map { .some($0) }
    }
  }

  private enum Made {
    /// The result was there already, or another process is at it.
    case before, elsewhere
    case now(Report, text: String)
  }

  private func perform(_ arguments: ParsedArguments, _ input: BatchInput, _ worker: Int) throws -> Made {
    if claims != nil, let output = arguments.last(HostOption.output.parameter.name) {
      switch listing.look(at: output, isIdle: state.change { $0.isIdle }) {
      case .made: return .before
      case .unknown: return .elsewhere
      case .open: break
      }
    }
    for path in plan.written(arguments) { try OutputFolder.make(folder(of: path)) }
    let job = try TaskJob(plan.plugin, arguments)
    let console = Console(task: plan.plugin.name, isQuiet: isQuiet, told: told)
    func isCurrent() -> Bool {
      (try? ExistingResult.isCurrent(job, in: session) { units in
        console.warn(
          "results are kept that a processor with other units made (\(units)), which rounds otherwise")
      }) == true
    }
    // A process that is lost behind its last byte leaves a claim, which is taken over to be taken away.
    if skipsExisting, isCurrent(), job.settings.output.map({ claims?.isClaimed($0) == true }) != true {
      return .before
    }
    var claimed: String?
    if let claims, let output = job.settings.output {
      guard try claims.take(output) else { return .elsewhere }
      claimed = output
    }
    defer { if let claimed { claims?.release(claimed) } }
    // Another may have been done with it just before.
    if claimed != nil, isCurrent() { return .before }
    let made = try perform(job, input, worker)
    // What holds for one result holds for others of its kind.
    if skipsExisting, !isKnown.exchange(true, ordering: .relaxed), !isCurrent() {
      console.warn(
        claims == nil
          ? "--skip-existing cannot see that results of this kind are done, so that they are made each time"
          : "--share cannot see that results of this kind are done, so that each process makes them; "
            + "divide the work by --shard")
    }
    return made
  }

  private func perform(_ job: TaskJob, _ input: BatchInput, _ worker: Int) throws -> Made {
    var console = Console(task: plan.plugin.name, isQuiet: job.settings.isQuiet)
    let text = Mutex("")
    (console.subject, console.told) = (input.title, told)
    console.print = { more in text.withLock { $0 += more } }
    console.show = { [state] fraction, _ in state.change { $0.fractions[worker] = fraction } }
    // What cannot be read is told by the job itself.
    let need =
      (try? JobMemory.need(of: job.values(in: session), limits: job.settings.limits, in: session)) ?? 0
    let report: Report
    do {
      report = try run(job, console, need: need)
    } catch let failure where Failure(failure).kind == .noMemory && jobs > 1 {
      // Once more with nobody beside it.
      text.withLock { $0 = "" }
      report = try run(job, console, need: budget.bytes)
    }
    if report.hasSkipped { throw Failure.told }
    return .now(report, text: text.withLock { $0 })
  }

  private func run(_ job: TaskJob, _ console: Console, need: Int) throws -> Report {
    try budget.with(need) { share in
      compute(1)
      defer { compute(-1) }
      return try job.run(in: session, console) { [budget] bytes in try budget.enlarge(share, to: bytes) }
    }
  }

  /// Shares out the threads anew: each job has one, and what is left over is used by one of them.
  private func compute(_ more: Int) {
    state.change { state in
      state.computing += more
      RobustRuntime.configure(threads: max(1, session.threads - max(state.computing, 1) + 1))
    }
  }
}
