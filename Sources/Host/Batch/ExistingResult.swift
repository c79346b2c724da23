import Glibc
import Imaging
import RobustRuntime

/// Whether the files that a job would write are there already, as it would make them: from the same inputs, by the same
/// task, model, parameters, seed and versions, as recorded in them.
struct ExistingResult {
  private let job: TaskJob
  private let session: TaskSession
  private let output: String
  private let format: Format

  private var settings: RunSettings { job.settings }

  /// - Parameter tell: is told the units of other processors by which current results were made.
  static func isCurrent(_ job: TaskJob, in session: TaskSession, tell: (String) -> Void = { _ in }) throws
    -> Bool
  {
    guard let result = ExistingResult(job, in: session), let found = try result.current() else {
      return false
    }
    let units = Set(found.flatMap(\.steps).compactMap(\.units)).subtracting([VectorUnits.name])
    if !units.isEmpty { tell(units.sorted().joined(separator: ", ")) }
    return true
  }

  /// nil: what is left out of the files cannot be looked at.
  private init?(_ job: TaskJob, in session: TaskSession) {
    let settings = job.settings
    guard let output = settings.output, !settings.options.stripMetadata,
      let format = settings.format ?? Format(path: output)
    else { return nil }
    (self.job, self.session, self.output, self.format) = (job, session, output, format)
  }

  /// nil: they are not there, or otherwise.
  private func current() throws -> [Found]? {
    let beside =
      [settings.sheet?.path, settings.frames.map { $0.path }] + settings.previews.values.map { $0.path }
    for path in beside.compactMap(\.self) {
      let isNumbered = path == settings.frames?.path && settings.count > 1
      guard FileIdentity(isNumbered ? suffixed(path, "\(settings.count)") : path) != nil else { return nil }
    }
    // One run may make several results without names, which are numbered then.
    for isNumbered in settings.count > 1 ? [true] : [false, true] {
      guard let found = found(isNumbered: isNumbered) else { continue }
      let values = try job.values(in: session)
      // Files are hashed where all else is the same.
      if try isExpected(found, values, inputs: nil) && isExpected(found, values, inputs: digests(of: values))
      {
        return found
      }
    }
    return nil
  }

  // MARK: What is there

  /// A file, and what it says of the rounds that led to it.
  private struct Found {
    /// The last of what is recorded, as many as there may have been rounds.
    let steps: [Provenance.Step]
    /// The number of its run, from 0 on.
    let run: Int
    let number: Int?
    let name: String?
    /// The names of all results of its run.
    let results: [String]?
  }

  /// All results of all runs, as the first one of each tells how many there are.
  /// - Parameter isNumbered: whether the first has a number.
  /// - Returns: nil where one is missing, or says nothing of how it was made.
  private func found(isNumbered: Bool) -> [Found]? {
    var found: [Found] = []
    var images = 0
    for run in 0..<settings.count {
      let first = suffixed(output, isNumbered ? "\(images + 1)" : nil)
      guard let steps = steps(of: first), let last = steps.last else { return nil }
      let results = last.encoding?.results
      guard results.map({ $0.count > 1 && $0.contains("") && $0.allSatisfy(Self.isName) }) ?? true else {
        return nil
      }
      let unnamed = results?.count { $0.isEmpty } ?? 1
      var ofRun = 0
      for name in results ?? [""] {
        if name.isEmpty { (images, ofRun) = (images + 1, ofRun + 1) }
        let number = name.isEmpty ? images : run + 1
        let suffix = [
          settings.count > 1 || name.isEmpty && unnamed > 1 ? "\(number)" : nil, name.isEmpty ? nil : name,
        ].compactMap(\.self).joined(separator: "-")
        guard let steps = self.steps(of: suffixed(output, suffix.isEmpty ? nil : suffix)) else { return nil }
        found.append(
          Found(
            steps: steps, run: run, number: name.isEmpty && unnamed > 1 ? ofRun : nil,
            name: name.isEmpty ? nil : name, results: results))
      }
    }
    return found
  }

  private static func isName(_ text: String) -> Bool { text.isEmpty || CommandParameter.isName(text) }

  private func steps(of path: String) -> [Provenance.Step]? {
    guard FileIdentity(path) != nil,
      let header = try? PictureHeader(of: .file(path), limits: settings.limits),
      let steps = header.provenance.flatMap(Provenance.init(json:))?.steps.suffix(settings.rounds),
      !steps.isEmpty, !steps.contains(where: \.isEndedEarly)
    else { return nil }
    return Array(steps)
  }

  // MARK: What is expected

  private func isExpected(_ found: [Found], _ values: [TypedValue], inputs: [String: [String]]?) throws
    -> Bool
  {
    try found.allSatisfy { try isExpected($0, values, inputs: inputs) }
  }

  /// - Parameter inputs: SHA-256 of what is read; nil: whatever was read.
  private func isExpected(_ found: Found, _ values: [TypedValue], inputs: [String: [String]]?) throws -> Bool
  {
    let rounds = settings.rounds
    /// The rounds of a JPEG are one step.
    let isOneStep = rounds == 1 || found.steps.last?.rounds == rounds
    let steps = isOneStep ? found.steps.suffix(1) : found.steps[...]
    guard isOneStep || steps.count == rounds else { return false }
    for (round, step) in steps.enumerated() {
      var expected = try job.record(
        of: values, session, inputs: inputs ?? [:], rounds: isOneStep && rounds > 1 ? rounds : nil)
      expected.seed = settings.seed + UInt64(found.run)
      var step = step
      step.facts = [:]
      // Processes on unlike machines would else do each other's results again for ever.
      (step.units, expected.units) = (nil, nil)
      if round > 0, let image = session.plugin.parameters.first(where: Repetition.isReplaced)?.name {
        // What one round made is read by the next, and follows from what is looked at.
        expected.parameters[image] = ["-"]
        guard step.inputs?[image]?.count == 1 else { return false }
        expected.inputs?[image] = step.inputs?[image]
      }
      if inputs == nil { (step.inputs, expected.inputs) = ([:], [:]) }
      expected =
        round == steps.count - 1
        ? expected.encoded(
          as: format, settings, number: found.number, name: found.name, among: found.results)
        : expected.encoded(as: .png, settings)
      guard encodedJSON(step) == encodedJSON(expected) else { return false }
    }
    return true
  }

  private func digests(of values: [TypedValue]) throws -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (parameter, value) in zip(session.plugin.parameters, values) where !value.texts.isEmpty {
      if parameter.kind.isFile {
        digests[parameter.name] = try value.texts.map { try ModelSearch.digest(ofFile: $0) }
      } else if parameter.kind == .model {
        digests[parameter.name] = try value.texts.map { try session.digest(session.otherModel($0).source) }
      }
    }
    return digests
  }
}
