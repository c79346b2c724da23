import Imaging

/// What a batch is to do: its inputs, and for each the arguments of one run, which are those of the command with one input
/// in the place of all, and with fields filled in.
struct BatchPlan: Sendable {
  let plugin: Plugin
  let batched: CommandParameter
  let inputs: [BatchInput]
  private let common: [String: [String]]
  private let templates: [String: [NameTemplate]]
  private let outputFolder: String?
  private let format: Format?

  /// - Throws: `Failure` of usage where the command does not say what each input's output is.
  init(_ plugin: Plugin, _ batched: CommandParameter, _ options: OptionValues) throws {
    (self.plugin, self.batched) = (plugin, batched)
    inputs = try BatchInputs(plugin: plugin, batched: batched, options: options).all()
    format = options[HostOption.format].format
    outputFolder = try options[BatchOption.outputFolder].map {
      guard !$0.isEmpty else {
        throw Failure.usage("--output-dir needs the name of a folder, not an empty one")
      }
      return $0 == "/" || !$0.hasSuffix("/") ? $0 : String($0.dropLast())
    }
    var common = options.texts
    common[batched.name] = nil
    for option in plugin.batchOptions { common[option.name] = nil }
    var templates: [String: [NameTemplate]] = [:]
    for parameter in plugin.parametersWithTemplates {
      guard let texts = common[parameter.name] else { continue }
      if parameter.kind.isFile, texts.contains("-") {
        throw Failure.usage(
          "\(parameter.label) cannot be standard input (-), which can be read once; name a file")
      }
      templates[parameter.name] = try texts.map { try NameTemplate($0, label: "--\(parameter.name)") }
    }
    (self.common, self.templates) = (common, templates)
    try checkOutput()
  }

  private static let outputName = HostOption.output.parameter.name

  /// What to do so that each of several inputs has its output.
  static func wayOut(_ plugin: Plugin) -> String {
    "of several inputs each needs an output: name a folder with --output-dir, or give -o a field, as in "
      + "-o '{stem}-\(plugin.name).png'"
  }

  private func checkOutput() throws {
    let output = templates[Self.outputName]?.last
    if common[Self.outputName]?.last == "-"
      || inputs.contains(where: { $0.row[Self.outputName]?.last == "-" })
    {
      throw Failure.usage(
        "the results of a batch cannot go to standard output; name a folder with --output-dir")
    }
    if output == nil, outputFolder == nil, inputs.contains(where: { $0.row[Self.outputName] == nil }) {
      throw Failure.usage("it is not said where results go; " + Self.wayOut(plugin))
    }
    if outputFolder != nil, common[Self.outputName]?.last?.hasPrefix("/") == true {
      throw Failure.usage("with --output-dir, -o is a name within that folder, so it cannot begin with /")
    }
    if let output, !output.hasFields, inputs.count > 1,
      let first = inputs.first(where: { $0.row[Self.outputName] == nil })
    {
      throw Failure.usage(
        "\(first.title) and \(inputs.count - 1) more inputs would be written to one output; "
          + Self.wayOut(plugin))
    }
  }

  /// The arguments of the run for input `index`, from 0 on.
  func arguments(_ index: Int) throws -> ParsedArguments {
    let input = inputs[index]
    var texts = common
    texts[batched.name] = input.path.map { [$0] }
    for (name, templates) in templates where name != Self.outputName {
      texts[name] = try templates.map { try $0.filled(input, task: plugin.name) }
    }
    texts.merge(input.row) { $1 }
    texts[Self.outputName] = [try output(of: input)]
    return ParsedArguments(texts: texts)
  }

  /// The arguments that say what is to be done, without the names of files that are written.
  func values(_ index: Int) throws -> ParsedArguments {
    var texts = try arguments(index).texts
    for parameter in plugin.parametersWithTemplates where !parameter.kind.isFile {
      texts[parameter.name] = nil
    }
    return ParsedArguments(texts: texts)
  }

  /// The names of files that are written for an input: its output, and what is shown besides.
  func written(_ arguments: ParsedArguments) -> [String] {
    plugin.parametersWithTemplates.filter { !$0.kind.isFile }.compactMap { arguments.last($0.name) }
  }

  /// The file that the result of input `index` goes to; nil: it cannot be said.
  func output(_ index: Int) -> String? { try? output(of: inputs[index]) }

  private func output(of input: BatchInput) throws -> String {
    let named =
      try input.row[Self.outputName]?.last
      ?? templates[Self.outputName]?.last?.filled(input, task: plugin.name)
    guard let outputFolder else { return named! }
    let base = outputFolder == "/" ? "" : outputFolder
    if let named { return named.hasPrefix("/") ? named : "\(base)/\(named)" }
    let part = input.isFound && input.directory != "." ? "\(input.directory)/" : ""
    return "\(base)/\(part)\(name(for: input))"
  }

  /// The input's own name, with another ending where the result's format needs one.
  private func name(for input: BatchInput) -> String {
    guard let path = input.path else { return "\(input.index).\((format ?? .png).extensions[0])" }
    let name = fileName(of: path)
    let own = Format(path: path)
    let format = format ?? own.flatMap { Format.written.contains($0) ? $0 : nil } ?? .png
    if format == own { return String(name) }
    let stem = name.lastIndex(of: ".").flatMap { $0 == name.startIndex ? nil : name[..<$0] } ?? name
    return "\(stem).\(format.extensions[0])"
  }
}
