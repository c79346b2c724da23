import Imaging

/// `rtool compare-models TASK ... --models A,B --sheet FILE`: one task with several models, side by side.
enum CompareModelsCommand {
  static let parameters: [Parameter] = {
    let task = Parameter(name: "task", kind: .text, help: "the task", flags: [.positional, .required])
    let words = Parameter(
      name: "arguments", kind: .text, help: "what the task is given", flags: [.positional, .repeated])
    var models = Parameter(name: "models", kind: .text, help: "the models, by name or file; at least two")
    models.value = "A,B"
    var sheet = Parameter(
      name: "sheet", kind: .text, help: "where to write the results, - for standard output")
    sheet.value = "FILE"
    return [task, words, models, sheet, ListCommands.help]
  }()

  static func run(_ words: [String]) throws {
    let (models, sheet, rest) = try own(words)
    guard let name = rest.first, !name.hasPrefix("-") else {
      throw Failure.usage("TASK is missing: the task comes first, then what it is given")
    }
    guard models.count >= 2 else {
      throw Failure.usage(
        "--models needs at least two models, as in --models photos,NAME; `rtool models` lists those found")
    }
    let output = try place(sheet)
    let plugin = try task(name)
    let parsed = try ParsedArguments(
      Array(rest.dropFirst()), parameters: plugin.parameters + HostOption.all(presets: plugin.presets))
    for option in ["output", "model", "json", "frames"] where parsed.texts[option] != nil {
      throw Failure.usage(
        "--\(option) cannot be given here: the results go to --sheet, one for each of --models")
    }
    for model in models { _ = try ModelSearch.find(model) }

    let temporary = try TemporaryFolder()
    let readsStream = plugin.parameters.contains {
      [.image, .mask].contains($0.kind) && parsed.texts[$0.name]?.contains("-") == true
    }
    let input = readsStream ? "\(temporary.path)/input" : "/dev/null"
    if readsStream { try FileBytes.write(FileBytes.ofStandardInput() ?? [], toNewFile: input) }

    ProgressBar.shared.begin("compare-models")
    var results: [[Thumbnail]] = []
    for (index, model) in models.enumerated() {
      ProgressBar.shared.show(Double(index) / Double(models.count), model)
      results.append(try images(rest, model: model, input: input, folder: temporary.folder("\(index)")))
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

  /// What is meant for this command, and the rest.
  private static func own(_ words: [String]) throws -> (models: [String], sheet: String?, rest: [String]) {
    var models: [String] = []
    var sheet: String?
    var rest: [String] = []
    var left = words[...]
    while let word = left.popFirst() {
      if word == "--" {
        rest += [word] + left
        break
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard ["--models", "--sheet"].contains(parts[0]) else {
        rest.append(word)
        continue
      }
      guard let value = parts.count == 2 ? String(parts[1]) : left.popFirst() else {
        throw Failure.usage("\(word) needs a value")
      }
      if parts[0] == "--sheet" {
        sheet = value
      } else {
        models += value.split(separator: ",").map(String.init)
      }
    }
    return (models, sheet, rest)
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
    return .file(try SideFile(sheet, option: "--sheet", formats: Format.allCases).path)
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
