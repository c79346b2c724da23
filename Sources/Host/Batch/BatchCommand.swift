import Imaging

/// A task on many inputs: the model is read once, several inputs are worked on at once, and each result is the file that
/// the task makes of its input alone.
struct BatchCommand {
  let plugin: Plugin
  let options: OptionValues

  init(_ plugin: Plugin, _ parsed: ParsedArguments) throws {
    self.plugin = plugin
    options = try OptionValues(parsed, plugin.hostOptions + plugin.batchOptions)
  }

  func run() throws {
    let shard = try options[BatchOption.shard].map(Shard.init)
    let plan = try BatchPlan(plugin, plugin.batchedParameter!, options)
    let mine = plan.inputs.indices.filter { shard?.contains(plan.inputs[$0]) != false }
    try BatchCheck.check(plan, of: mine)
    let ledger = try BatchLedger(count: plan.inputs.count)
    if options[BatchOption.dryRun] { return try run(plan, mine, ledger) }
    try CrashIsolation.during(
      ledger, task: plugin.name,
      leave: { index, process in
        if let output = plan.output(index) { Claims.remove(of: output, heldBy: process) }
      }
    ) { try run(plan, mine, ledger) }
  }

  private func run(_ plan: BatchPlan, _ mine: [Int], _ ledger: BatchLedger) throws {
    // Without a table all inputs have the same values.
    let judged = plan.inputs.indices.filter { $0 == 0 || !plan.inputs[$0].row.isEmpty }
    let settings = try judged.map { try of(plan.inputs[$0], TaskJob.settings(plan.values($0), plugin)) }
    let session = try TaskSession(plugin, settings[0])
    for (index, settings) in zip(judged, settings) {
      _ = try of(plan.inputs[index], TaskJob.values(plan.values(index), settings, session))
    }
    let run = try BatchRun(plan, mine, session, options, ledger)
    if options[BatchOption.dryRun] { return try DryRun(run, wantsJSON: options[HostOption.report]).tell() }
    try run.run()
  }

  /// What is wrong with the row of a table is said with its name.
  private func of<Result>(_ input: BatchInput, _ body: @autoclosure () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure where !input.row.isEmpty {
      throw failure.adding(" (\(input.title))")
    }
  }
}
