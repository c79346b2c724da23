/// The options by which a task is done on many inputs.
enum BatchOption {
  static let outputFolder = Option<String?>.text(
    "output-dir", value: "DIR",
    "do each input by itself, and write one file for each into this folder, named as the input, or by -o and its fields "
      + NameTemplate.Field.allCases.map(\.text).joined(separator: " "))
  static let recursive = Option<Bool>.flag("recursive", "of folders that are given, take subfolders as well")
  static let filesFrom = Option<String?>.text(
    "files-from", value: "LIST",
    "read inputs from a file, or - for standard input: a name a line, names with zero bytes between, or a table "
      + "(CSV, TSV, JSON lines) whose columns are parameters")
  static let skipExisting = Option<Bool>.flag(
    "skip-existing",
    "keep results that were made from the same inputs with the same settings, model and version")
  static let failFast = Option<Bool>.flag("fail-fast", flags: .advanced, "begin nothing more after a failure")
  static let report = Option<String?>.text(
    "report", value: "FILE.jsonl", flags: .advanced,
    "append a line of JSON for each input: input, output, status, seconds, figures")
  static let dryRun = Option<Bool>.flag(
    "dry-run", flags: .advanced, "list what would be done, and what it would take")
  static let jobs = Option<Int?>.int(
    "jobs", flags: .advanced, limits: 1...64,
    "how many inputs are worked on at once; auto: as many as there are processors, fewer where memory is short"
  )
  static let memory = Option<Double?>.real(
    "memory", value: "GIB", flags: .advanced, limits: 0.1...65536,
    "memory that all together may take, as far as it can be foreseen; auto: three quarters of what is left")
  static let shard = Option<String?>.text(
    "shard", value: "I/N", flags: .advanced,
    "do only the inputs of part I of N; which these are is a matter of their names alone")
  static let share = Option<Bool>.flag(
    "share", flags: .advanced,
    "divide the inputs among all processes, on any machines, that run this command on the same folder; "
      + "with --skip-existing; what a Slurm job does anyway, unless --shard is given")
  static let claimSeconds = Option<Int>.int(
    "claim-seconds", flags: .advanced, initial: 60, limits: 2...3600,
    "with --share, how long a process may be silent before others do what it had begun")

  private static let all: [any DeclaredOption] = [
    outputFolder, recursive, filesFrom, skipExisting, failFast, report, dryRun, jobs, memory, shard, share,
    claimSeconds,
  ]

  /// The options of a task that makes images of images. Where it has a parameter of such a name itself, that one stays.
  static func options(of plugin: Plugin) -> [CommandParameter] {
    guard plugin.takesImage, !plugin.flags.contains(.textAlone) else { return [] }
    return all.grouped("Many inputs").filter { option in
      !plugin.parameters.contains { $0.name == option.name }
    }
  }
}

extension Plugin {
  var batchOptions: [CommandParameter] { BatchOption.options(of: self) }
}
