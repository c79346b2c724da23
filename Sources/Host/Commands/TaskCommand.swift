/// `rtool NAME ...`: runs the task of a plugin.
struct TaskCommand {
  let plugin: Plugin

  func run(_ arguments: [String]) throws {
    let parsed = try ParsedArguments(arguments, parameters: plugin.parameters + plugin.hostOptions)
    switch parsed.request {
    case .help(let isFull): return try Terminal.print(Overview.help(of: plugin, isFull: isFull))
    case .version: return try Terminal.print("\(plugin.name) \(plugin.version)\n")
    case nil: break
    }
    let job = try TaskJob(plugin, parsed)
    let session = try TaskSession(plugin, job.settings)
    let console = Console(task: plugin.name, isQuiet: job.settings.isQuiet)
    if !console.isQuiet { ProgressBar.shared.begin(plugin.name) }
    let report = try job.run(in: session, console)
    ProgressBar.shared.end()
    if job.settings.wantsJSON { try Terminal.print(report.json + "\n") }
  }
}
