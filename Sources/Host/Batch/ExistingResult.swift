import Glibc
import Imaging

/// Whether the files that a job would write are there already, as it would make them: from the same inputs, by the same
/// task, model, parameters, seed and versions, as recorded in them.
enum ExistingResult {
  static func isCurrent(_ job: TaskJob, in session: TaskSession) throws -> Bool {
    let settings = job.settings
    // What was left out of the files cannot be looked at, and rounds record what they made in between.
    guard let output = settings.output, !settings.options.stripMetadata, settings.rounds == 1,
      let format = settings.format ?? Format(path: output)
    else { return false }
    let beside =
      [settings.sheet?.path, settings.frames.map { $0.path }] + settings.previews.values.map { $0.path }
    let isSeries = settings.count > 1
    for path in beside.compactMap(\.self) {
      let path = path == settings.frames?.path && isSeries ? suffixed(path, "\(settings.count)") : path
      guard FileIdentity(path) != nil else { return false }
    }
    var recorded: [Provenance.Step] = []
    for number in 1...settings.count {
      let path = isSeries ? suffixed(output, "\(number)") : output
      guard FileIdentity(path) != nil,
        let header = try? PictureHeader(of: .file(path), limits: settings.limits),
        let step = header.provenance.flatMap(Provenance.init(json:))?.steps.last, !step.isEndedEarly
      else { return false }
      recorded.append(step)
    }

    let values = try job.values(in: session)
    /// Of runs whose inputs were like that.
    func isExpected(_ inputs: [String: [String]]?) throws -> Bool {
      var expected = try job.record(of: values, session, inputs: inputs ?? [:], rounds: nil)
        .encoded(as: format, settings)
      for (index, step) in recorded.enumerated() {
        var step = step
        step.facts = [:]
        if inputs == nil { step.inputs = [:] }
        expected.seed = settings.seed + UInt64(index)
        guard encodedJSON(step) == encodedJSON(expected) else { return false }
      }
      return true
    }
    // Files are hashed where all else is the same.
    return try isExpected(nil) && isExpected(digests(of: values, session))
  }

  private static func digests(of values: [TypedValue], _ session: TaskSession) throws -> [String: [String]] {
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
