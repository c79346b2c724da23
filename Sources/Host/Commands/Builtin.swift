/// The commands that are part of the program itself.
struct Builtin: Sendable {
  let name: String
  let summary: String
  let parameters: [CommandParameter]
  let run: @Sendable (OptionValues) throws -> Void

  static let all: [Builtin] = [
    Builtin(
      name: "plugins", summary: "List the plugins found, and why others are not used",
      parameters: ListCommands.parameters, run: ListCommands.plugins),
    Builtin(
      name: "models", summary: "List the models found, or tell all that is understood of a model's file",
      parameters: ModelsCommand.parameters, run: ModelsCommand.run),
    Builtin(
      name: "convert", summary: "Make rtool's own file of a model, with classes and class seeds",
      parameters: ConvertCommand.parameters, run: ConvertCommand.run),
    Builtin(
      name: "classes", summary: "List the classes that a model knows",
      parameters: ListCommands.classesParameters, run: ListCommands.classes),
    Builtin(
      name: "info", summary: "Tell how an image was made",
      parameters: InfoCommand.parameters, run: InfoCommand.run),
    Builtin(
      name: "replay", summary: "Make an image again from what is recorded in it",
      parameters: ReplayCommand.parameters, run: ReplayCommand.run),
    Builtin(
      name: "batch-status", summary: "Tell how far the processes are that do a batch",
      parameters: BatchStatusCommand.parameters, run: BatchStatusCommand.run),
    Builtin(
      name: "compare-models", summary: "Do a task with several models and lay the results side by side",
      parameters: CompareModelsCommand.parameters, run: CompareModelsCommand.run),
    Builtin(
      name: "evaluate", summary: "Tell how accurate models are on photos, as they are and under attack",
      parameters: EvaluationOption.parameters, run: EvaluateCommand.run),
    Builtin(
      name: "check", summary: "Test whether a plugin follows the rules of the interface",
      parameters: CheckCommand.parameters, run: CheckCommand.run),
    Builtin(
      name: "train", summary: "Train a robust classifier from photos",
      parameters: TrainOption.parameters, run: TrainCommand.run),
    Builtin(
      name: "train-upscaler", summary: "Train a network that enlarges images, from photos",
      parameters: UpscalerOption.parameters, run: UpscalerRun.run),
    Builtin(
      name: "bench", summary: "Tell how many ascent or training steps a second this machine takes",
      parameters: BenchCommand.parameters, run: BenchCommand.run),
    Builtin(
      name: "studio", summary: "Work on images in a browser: brush, look, undo",
      parameters: ServerCommands.studioParameters, run: ServerCommands.studio),
    Builtin(
      name: "serve", summary: "Do tasks for other programs, by HTTP",
      parameters: ServerCommands.serveParameters, run: ServerCommands.serve),
    Builtin(
      name: "completions", summary: "Print the completion script for a shell",
      parameters: [shell.parameter, ListCommands.help.parameter],
      run: { try Terminal.print(Completion.script($0[shell].rawValue)) }),
  ]

  private enum Shell: String, CaseIterable { case bash, zsh, fish }

  private static let shell = Option<Shell>.choice(
    "shell", flags: [.positional, .required], "bash, zsh or fish")

  /// Where explanations begin.
  private static let margin = 30

  var help: String {
    let arguments = parameters.filter(\.isPositional).map { parameter in
      // A placeholder in brackets says by itself what can be left out.
      let isWhole = parameter.placeholder.hasPrefix("[") || !parameter.flags.contains(.repeated)
      return parameter.placeholder + (isWhole ? "" : "...")
    }
    var lines = ["rtool \(name) - \(summary)", ""]
    lines += ["Usage: " + (["rtool", name] + arguments + ["[options]"]).joined(separator: " "), ""]
    // Headings help where there are several.
    let hasHeadings = Set(parameters.compactMap(\.group)).count > 1
    var heading: String?
    for parameter in parameters {
      if hasHeadings, !parameter.isPositional, parameter.group != heading {
        heading = parameter.group
        lines += ["", "\(heading ?? "Options"):"]
      }
      let help = wrapped(Help.explanation(parameter), width: Terminal.columns - Self.margin)
      lines += Help.hanging("  " + Help.spelling(parameter), help, margin: Self.margin)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func callAsFunction(_ arguments: [String]) throws {
    let parsed = try ParsedArguments(arguments, parameters: parameters)
    switch parsed.request {
    case .help: return try Terminal.print(help)
    case .version: return try Terminal.print("rtool \(Installation.version)\n")
    case nil: break
    }
    for parameter in parameters
    where parameter.flags.contains(.required) && parsed.texts[parameter.name] == nil {
      throw parameter.missing
    }
    try run(OptionValues(parsed, parameters))
  }
}
