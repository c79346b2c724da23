import Imaging
import RobustRuntime

/// The words that make a task do a recorded step again: what was given, and what is not as it would be anyway.
///
/// A record may come from anyone. Only the task's own parameters are taken from it, so that no option of the host's
/// can be smuggled in, and each value is a word that cannot be taken for an option.
struct StepArguments {
  let plugin: Plugin
  let step: Provenance.Step
  /// The classes of the model, asked for only where a class has to be looked up.
  let classes: () throws -> [String]

  /// - Parameter input: the word for a file or a model, from its parameter and its place among that one's.
  func words(input: (CommandParameter, Int) throws -> String) throws -> [String] {
    let unknown = step.parameters.keys.filter { name in !plugin.parameters.contains { $0.name == name } }
    if let name = unknown.min() {
      throw Failure.failed("the task \(plugin.name) that is here has no parameter \(quoted(name))")
    }
    var values: [(CommandParameter, String)] = []
    for parameter in plugin.parameters {
      guard let recorded = step.parameters[parameter.name], isNeeded(parameter, recorded) else { continue }
      let isInput = parameter.kind.isInput
      for (index, text) in recorded.enumerated() {
        if !isInput, text.utf8.contains(0) {
          throw Failure.failed("the value recorded for \(parameter.label) has a zero byte in it")
        }
        values.append((parameter, isInput ? try input(parameter, index) : text))
      }
    }
    return Self.words(values, host: hostOptions)
  }

  /// - Parameter values: in the order of the parameters.
  static func words(_ values: [(parameter: CommandParameter, text: String)], host: [String]) -> [String] {
    let positional = values.filter(\.parameter.isPositional).map(\.text)
    let options = values.filter { !$0.parameter.isPositional }.flatMap { option($0.parameter, $0.text) }
    let isSafe = positional.allSatisfy { $0 == "-" || !$0.hasPrefix("-") }
    return isSafe ? positional + options + host : options + host + ["--"] + positional
  }

  private var hostOptions: [String] {
    var words: [String] = []
    if let preset = step.preset, preset != plugin.presets.first?.name {
      words += Self.word("preset", preset)
    }
    if step.seed != 0 { words += ["--seed", "\(step.seed)"] }
    if let quality = step.encoding?.quality { words += Self.word("quality", "\(quality)") }
    if step.encoding?.lossless == true { words.append("--lossless") }
    if step.precision == Precision.bfloat16.rawValue { words += Self.word("precision", "bfloat16") }
    if let depth = step.encoding?.bitDepth, depth == 8 || depth == 16 { words.append("--bit-depth=\(depth)") }
    if let frames = step.frames, (try? FrameChoice(frames)) != nil { words.append("--frames-of=\(frames)") }
    if let rounds = step.rounds, (1...HostOption.mostRounds).contains(rounds) {
      words.append("--repeat=\(rounds)")
    }
    return words
  }

  static func word(_ name: String, _ text: String) -> [String] {
    text.isEmpty || text.hasPrefix("-") ? ["--\(name)=\(text)"] : ["--\(name)", text]
  }

  private static func option(_ parameter: CommandParameter, _ text: String) -> [String] {
    guard parameter.kind == .bool else { return word(parameter.name, text) }
    return [text == "on" ? "--\(parameter.name)" : "--no-\(parameter.name)"]
  }

  /// A task may tell what was given from what was not, so what is the initial value anyway is left out unless it was
  /// given.
  private func isNeeded(_ parameter: CommandParameter, _ recorded: [String]) -> Bool {
    if parameter.isPositional || step.given?.contains(parameter.name) == true { return true }
    let setting = plugin.presets.first { $0.name == step.preset }?.settings[parameter.name]
    guard
      let usual = try? parameter.value(of: setting.map { [$0] } ?? [], given: false, classes: classes),
      let names = try? parameter.kind == .classes && usual.count > 0 ? classes() : []
    else { return true }
    return parameter.texts(of: usual, classes: names) != recorded
  }
}
