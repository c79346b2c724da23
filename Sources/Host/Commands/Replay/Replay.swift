import Imaging
import RobustRuntime

/// The steps of a record, checked and ready to be run again one after the other, each in a process of its own and in
/// a folder of its own that holds nothing but its inputs.
final class Replay {
  /// A chain that was made by hand is shorter by far.
  static let mostSteps = 1000
  /// Bytes of all values of a step: less than the system takes in one command.
  private static let mostBytes = 100_000

  private struct Step {
    let record: Provenance.Step
    let plugin: Plugin
    let model: String
    let folder: String
    /// Words without those of the host that are about this machine.
    let words: [String]
    /// Standard input, in `folder`; nil: none.
    var input: String?
    /// Where it reads what the step before made, in `folder`, and the hash of what it read then.
    var continues: (path: String, sha256: String)?
  }

  private let temporary: TemporaryFolder
  private var steps: [Step] = []
  private let inputs: RecordedInputs
  private let warn: (String) -> Void

  /// Throws, before anything is run, where a step cannot be done again.
  init(_ provenance: Provenance, inputs: RecordedInputs, warn: @escaping (String) -> Void) throws {
    guard provenance.steps.count <= Self.mostSteps else {
      throw Failure.failed(
        "\(provenance.steps.count) steps are recorded, and more than \(Self.mostSteps) are not run")
    }
    self.inputs = inputs
    self.warn = warn
    temporary = try TemporaryFolder()
    var models: [String: String] = [:]
    for (index, record) in provenance.steps.enumerated() {
      do {
        steps.append(try prepared(record, index, models: &models))
      } catch {
        throw Failure.failed(
          "step \(index + 1) (\(quoted(record.task))): \(Failure(error).description)")
      }
    }
  }

  private func prepared(_ record: Provenance.Step, _ index: Int, models: inout [String: String]) throws
    -> Step
  {
    let plugin = try RecordedTask.plugin(of: record)
    let size = record.parameters.values.joined().reduce(0) { $0 + $1.utf8.count }
    let count = record.parameters.values.reduce(0) { $0 + $1.count }
    guard size <= Self.mostBytes, count <= Self.mostBytes / 10, (record.preset?.utf8.count ?? 0) <= 1000
    else {
      throw Failure.failed("its parameters are longer than a command can be")
    }
    guard let encoding = record.encoding, let digests = record.inputs else {
      throw Failure.failed(
        "what is recorded is not enough to run it again: the image is a contact sheet or an animation of an ascent, or from an older rtool"
      )
    }
    guard HostOption.OutputFormat(rawValue: encoding.format)?.format != nil else {
      throw Failure.failed("it has the unknown format \(quoted(encoding.format))")
    }
    guard encoding.name.map(CommandParameter.isName) ?? true else {
      throw Failure.failed("it has the unknown name \(quoted(encoding.name ?? ""))")
    }
    tellDifferences(record, plugin, index)
    let model = try models[record.model.sha256] ?? RecordedModel.argument(for: record.model)
    models[record.model.sha256] = model

    let folder = try temporary.folder("\(index + 1)")
    var input: String?
    var continues: (path: String, sha256: String)?
    var files = 0
    let firstImage = plugin.parameters.first { $0.kind == .image }?.name
    let arguments = StepArguments(plugin: plugin, step: record) {
      try ModelSearch.facts(ModelSearch.find(model)).classes
    }
    let words = try arguments.words { parameter, place in
      let name = record.parameters[parameter.name]![place]
      guard let sha256 = digests[parameter.name], sha256.indices.contains(place) else {
        throw Failure.failed("no hash of \(quoted(name)) is recorded")
      }
      if parameter.kind == .model {
        return try RecordedModel.argument(for: Provenance.Model(name: name, sha256: sha256[place]))
      }
      // Files of one name from different folders are kept apart.
      files += 1
      _ = try temporary.folder("\(index + 1)/\(files)")
      guard name == "-" || RecordedInputs.isFileName(name) else {
        throw Failure.failed("the recorded name \(quoted(name)) is not the name of a file")
      }
      let path = "\(files)/" + (name == "-" ? "stream" : name)
      if name == "-" {
        guard input == nil else { throw Failure.failed("it read standard input twice") }
        input = path
      }
      if index > 0, parameter.name == firstImage, place == 0 {
        continues = (path, sha256[place])
      } else {
        try FileBytes.write(
          inputs.bytes(name: name, sha256: sha256[place]), toNewFile: "\(folder)/\(path)")
      }
      return name == "-" ? "-" : path
    }
    if index > 0, continues == nil {
      throw Failure.failed("it read no image, so what was recorded before it cannot belong to it")
    }
    return Step(
      record: record, plugin: plugin, model: model, folder: folder, words: words, input: input,
      continues: continues)
  }

  private func tellDifferences(_ record: Provenance.Step, _ plugin: Plugin, _ index: Int) {
    func tell(_ what: String, _ then: String, _ now: String) {
      if then != now { warn("step \(index + 1) was made by \(what) \(then), and this is \(now)") }
    }
    if record.isEndedEarly {
      warn("step \(index + 1) was stopped early, and is now done to its end, so that the image will differ")
    }
    tell("rtool", record.rtool, Installation.version)
    tell(plugin.name, record.version, plugin.version)
    if let units = record.units { tell("a processor with the units", units, VectorUnits.name) }
  }

  /// Runs all steps; the bytes of the last one's file.
  func run() throws -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, step) in steps.enumerated() {
      ProgressBar.shared.show(
        Double(index) / Double(steps.count), "step \(index + 1) of \(steps.count): \(step.record.task)")
      if let continues = step.continues {
        if try Imaging.digest(of: bytes) != continues.sha256 {
          warn("step \(index + 1) read another image then than step \(index) makes now")
        }
        try FileBytes.write(bytes, toNewFile: "\(step.folder)/\(continues.path)")
      }
      bytes = try result(of: step, number: index + 1)
    }
    return bytes
  }

  private func result(of step: Step, number: Int) throws -> [UInt8] {
    let encoding = step.record.encoding!
    var options = ["--output=result", "--format=\(encoding.format)", "--model=\(step.model)", "--quiet"]
    // The first preset is the one that is used unless another is named, and it may have been another then.
    if let preset = step.record.preset { options.append("--preset=\(preset)") }
    var child = ChildProcess(arguments: [step.plugin.name] + options + step.words)
    child.folder = step.folder
    child.input = step.input.map { "\(step.folder)/\($0)" } ?? "/dev/null"
    child.errors = "\(step.folder)/errors"
    let end = try child.run()
    let place = "step \(number) (\(step.plugin.name))"
    switch end {
    case .exited(0): break
    case .exited(Failure.interrupted.exitCode): throw Failure.interrupted
    case .exited: throw Failure.failed("\(place): \(child.lastWords)")
    case .crashed(let signal): throw Failure.failed("\(place) crashed (signal \(signal))")
    case .timedOut: throw Failure.failed("\(place) did not end")
    }
    let suffix = encoding.name ?? encoding.number.map { "\($0)" }
    guard let bytes = FileBytes.ofRegularFile("\(step.folder)/\(suffixed("result", suffix))") else {
      throw Failure.failed("\(place) made no image of that \(encoding.name == nil ? "number" : "name")")
    }
    return bytes
  }
}
