import Imaging

/// `rtool compare-models TASK ... --models A,B --sheet FILE`: one task with several models, side by side.
enum CompareModelsCommand {
  private static let taskName = Option<String>.argument("task", "what to do with each model")
  private static let taskArguments = Option<[String]>.texts(
    "arguments", flags: [.positional, .repeated, .words], "what the task is given")
  private static let modelNames = Option<[String]>.texts(
    "models", value: "A,B", "the models, by name or file; at least two")
  private static let sheet = Option<String?>.text(
    "sheet", value: "FILE", "where to write the results, - for standard output")

  private static let own = [modelNames.parameter, sheet.parameter]
  static let parameters = [taskName.parameter, taskArguments.parameter] + own + [ListCommands.help.parameter]

  static func run(_ outer: OptionValues) throws {
    let name = outer[taskName]
    let plugin = try Program.task(name)
    let taskParameters =
      plugin.parameters
      + plugin.hostOptions.filter { option in !own.contains { $0.name == option.name } }
    // Options of this command may stand among those of the task, or before it.
    let parsed = try ParsedArguments(outer[taskArguments], parameters: own + taskParameters)
    switch parsed.request {
    case .help(let isFull): return try Terminal.print(Overview.help(of: plugin, isFull: isFull))
    case .version: return try Terminal.print("\(plugin.name) \(plugin.version)\n")
    case nil: break
    }
    let inner = try OptionValues(parsed, own)
    let models = (outer[modelNames] + inner[modelNames]).flatMap { $0.split(separator: ",").map(String.init) }
    guard models.count >= 2 else {
      throw Failure.usage(
        "--models needs at least two models, as in --models photos,NAME; `rtool models` lists those found")
    }
    let output = try place(inner[sheet] ?? outer[sheet])
    for option in ["output", "model", "json", "frames"] where parsed.texts[option] != nil {
      throw Failure.usage(
        "--\(option) cannot be given here: the results go to --sheet, one for each of --models")
    }
    for model in models { _ = try ModelSearch.find(model) }
    let words = [name] + parsed.words(for: taskParameters)

    let readsStream = plugin.parameters.contains {
      [.image, .mask].contains($0.kind) && parsed.texts[$0.name]?.contains("-") == true
    }
    // Before there is a folder, which an interruption would leave behind.
    let stream = readsStream ? FileBytes.ofStandardInput() ?? [] : []
    let temporary = try TemporaryFolder()
    let input = readsStream ? "\(temporary.path)/input" : "/dev/null"
    if readsStream { try FileBytes.write(stream, toNewFile: input) }

    ProgressBar.shared.begin("compare-models")
    var results: [[Thumbnail]] = []
    for (index, model) in models.enumerated() {
      ProgressBar.shared.show(Double(index) / Double(models.count), model)
      results.append(try images(words, model: model, input: input, folder: temporary.folder("\(index)")))
      if results[0].count != results[index].count {
        throw Failure.failed(
          "\(models[0]) makes \(results[0].count) images and \(model) makes \(results[index].count)")
      }
    }
    ProgressBar.shared.end()
    let pictures = results[0].indices.flatMap { row in
      models.indices.map { column in
        ContactSheet.Picture(
          image: results[column][row], caption: String(fileName(of: models[column])))
      }
    }
    try ResultImage.fresh(ContactSheet.grid(of: pictures, columns: models.count).drawn()).write(to: output)
  }

  private static func place(_ sheet: String?) throws -> Output {
    guard let sheet, !sheet.isEmpty else {
      throw Failure.usage("--sheet is missing: where to write the results, - for standard output")
    }
    if sheet == "-" {
      guard !Terminal.outputIsTerminal else {
        throw Failure.usage("an image is not written to a terminal; name a file with --sheet, or pipe it on")
      }
      return .standardOutput
    }
    return .file(try SideFile(sheet, option: "--sheet", formats: Format.written).path)
  }

  private static func images(_ words: [String], model: String, input: String, folder: String) throws
    -> [Thumbnail]
  {
    // Before the user's words, so that a format among them has the last word.
    let options = ["--output=\(folder)/result.png", "--format=png", "--model=\(model)", "--quiet"]
    var child = ChildProcess(arguments: [words[0]] + options + words.dropFirst())
    child.input = input
    child.errors = "\(folder)/errors"
    switch try child.run() {
    case .exited(0): break
    case .exited(2): throw Failure.usage("with the model \(quoted(model)): \(child.lastWords)")
    case .exited(130): throw Failure.interrupted
    case .exited: throw Failure.failed("with the model \(quoted(model)): \(child.lastWords)")
    case .crashed(let signal):
      throw Failure.failed("with the model \(quoted(model)) the task crashed (signal \(signal))")
    case .timedOut: throw Failure.failed("with the model \(quoted(model)) the task did not end")
    }
    var files = contents(ofFolder: folder).filter { $0.hasPrefix("result") }
    // result-2 comes before result-10.
    files.sort { ($0.count, $0) < ($1.count, $1) }
    guard !files.isEmpty else {
      throw Failure.failed("the task \(words[0]) makes no image that could be compared")
    }
    return try files.map {
      try SourceImage.open(.file("\(folder)/\($0)")).thumbnail(longestSide: ContactSheet.longestSide)
    }
  }
}
