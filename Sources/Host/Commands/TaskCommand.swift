/// `rtool NAME ...`: runs the task of a plugin, on one input or on many.
struct TaskCommand {
  let plugin: Plugin

  func run(_ arguments: [String]) throws {
    let arguments = try TaskArguments(arguments, of: plugin)
    switch arguments.parsed.request {
    case .help(let isFull): return try Terminal.print(Overview.help(of: plugin, isFull: isFull))
    case .version: return try Terminal.print("\(plugin.name) \(plugin.version)\n")
    case nil: break
    }
    if arguments.isBatch { return try BatchCommand(plugin, arguments.parsed).run() }
    let job = try TaskJob(plugin, arguments.parsed)
    let session = try TaskSession(plugin, job.settings)
    let console = Console(task: plugin.name, isQuiet: job.settings.isQuiet)
    if !console.isQuiet { ProgressBar.shared.begin(plugin.name) }
    let report = try job.run(in: session, console)
    ProgressBar.shared.end()
    if job.settings.wantsJSON { try Terminal.print(report.json + "\n") }
    if report.hasSkipped { throw Failure.told }
  }
}
