import Imaging

/// `rtool info FILE`: how an image was made, and the commands that would make it again.
enum InfoCommand {
  private static let file = Option<String>.argument("file", kind: .image, "an image, or -")

  static let parameters = [file.parameter] + ListCommands.parameters

  static func run(_ values: OptionValues) throws {
    let file = values[file]
    let image = try SourceImage.open(file == "-" ? .standardInput : .file(file), limits: Limits())
    let provenance = image.provenance.flatMap(Provenance.init(json:))
    if values[ListCommands.json] {
      let row = Row(
        file: image.name, format: image.format.rawValue, width: image.width, height: image.height,
        bitDepth: image.bitDepth, hasAlpha: image.hasAlpha, steps: provenance?.steps ?? [])
      return try Terminal.print(encodedJSON(row) + "\n")
    }
    var lines = [
      "\(image.name): \(image.format.title), \(image.width)x\(image.height), \(image.bitDepth) bit"
        + (image.hasAlpha ? ", transparency" : "")
    ]
    if let provenance {
      for (index, step) in provenance.steps.enumerated() { lines += text(step, number: index + 1) }
    } else {
      lines.append("nothing in it says that rtool made it")
    }
    try Terminal.print(lines.map { Terminal.printable($0) + "\n" }.joined())
  }

  private struct Row: Encodable {
    let file, format: String
    let width, height, bitDepth: Int
    let hasAlpha: Bool
    let steps: [Provenance.Step]
  }

  private static func text(_ step: Provenance.Step, number: Int) -> [String] {
    var head = "\(number). \(step.task) \(step.version), rtool \(step.rtool)"
    head += step.preset.map { ", preset \($0)" } ?? ""
    head += ", seed \(step.seed)"
    var lines = [head, "   \(command(step))"]
    lines.append("   model \(step.model.name), SHA-256 \(step.model.sha256)")
    if let units = step.units { lines.append("   computed by \(units)") }
    for (name, values) in step.parameters.sorted(by: { $0.key < $1.key }) {
      lines.append("   \(name) = \(values.joined(separator: " "))")
      for digest in step.inputs?[name] ?? [] { lines.append("     SHA-256 \(digest)") }
    }
    for (name, value) in step.facts.sorted(by: { $0.key < $1.key }) {
      lines.append("   found: \(name) = \(value)")
    }
    return lines
  }

  private static func command(_ step: Provenance.Step) -> String {
    do {
      let arguments = StepArguments(plugin: try RecordedTask.plugin(of: step), step: step) {
        try ModelSearch.facts(ModelSearch.find(step.model.name)).classes
      }
      var words = try arguments.words { step.parameters[$0.name]![$1] }
      var options: [String] = []
      if step.model.name != ModelSearch.embeddedName {
        options += StepArguments.word("model", step.model.name)
      }
      if let format = step.encoding?.format, !isFormat(format, ofFirstImageOf: arguments) {
        options += StepArguments.word("format", format)
      }
      words.insert(contentsOf: options, at: words.firstIndex(of: "--") ?? words.endIndex)
      return (["rtool", step.task] + words).map(Self.quotedForShell).joined(separator: " ")
    } catch {
      return "(cannot be run again here: \(Failure(error).description))"
    }
  }

  /// The format that the task takes from its input's name need not be said.
  private static func isFormat(_ format: String, ofFirstImageOf arguments: StepArguments) -> Bool {
    let name = arguments.plugin.parameters.first { $0.kind == .image }
      .flatMap { arguments.step.parameters[$0.name]?.first }
    return name.flatMap(Format.init(path:))?.rawValue == format
  }

  static func quotedForShell(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "_@%+=:,./-".unicodeScalars.contains($0)
    }
    return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
