import Imaging
import RobustRuntime

/// What a job reads besides the images that are opened for it: files, other models, and the photos that the task opens
/// itself.
struct JobInputs {
  private let plugin: Plugin
  /// By the places of their parameters.
  private let files: [[File]]
  private let models: [[(text: String, model: TaskSession.OtherModel)]]
  private let onDemand: [Int: ImagesOnDemand]

  private struct File {
    let name: String
    let bytes: [UInt8]
    let digest: String
  }

  /// - Parameter check: is told each photo when the task first opens it; throws where it will not do.
  init(
    _ values: [TypedValue], _ session: TaskSession, limits: Limits,
    check: @escaping (SourceImage) throws -> Void
  ) throws {
    let plugin = session.plugin
    self.plugin = plugin
    files = try zip(plugin.parameters, values).map { parameter, value in
      guard parameter.kind == .file else { return [] }
      return try value.texts.map { name in
        guard let bytes = FileBytes.ofRegularFile(name) else {
          throw Failure.failed("\(name) cannot be read; \(parameter.label) needs a file")
        }
        return File(name: name, bytes: bytes, digest: try Imaging.digest(of: bytes))
      }
    }
    models = try zip(plugin.parameters, values).map { parameter, value in
      guard parameter.kind == .model else { return [] }
      return try value.texts.map { ($0, try session.otherModel($0)) }
    }
    var onDemand: [Int: ImagesOnDemand] = [:]
    for (index, parameter) in plugin.parameters.enumerated() where parameter.flags.contains(.onDemand) {
      onDemand[index] = ImagesOnDemand(
        values[index].texts, keepsAlpha: parameter.flags.contains(.withAlpha), limits: limits, check: check)
    }
    self.onDemand = onDemand
  }

  /// Gives a run what it may ask for.
  func hand(to run: Run) {
    for file in files.joined() { run.files[file.name] = file.bytes }
    for (text, model) in models.joined() { run.otherModels[text] = model.classifier }
    for (slot, content) in plugin.slots.enumerated() {
      if case .parameter(let index) = content { run.imagesOnDemand[slot] = onDemand[index] }
    }
  }

  /// Whether a photo that the task opened was of no use, which was told when it was met.
  var hasSkipped: Bool { onDemand.values.contains(where: \.hasSkipped) }

  /// The values with those photos alone that were of use.
  func used(in values: [TypedValue]) -> [TypedValue] {
    var values = values
    for (index, images) in onDemand {
      values[index].texts = images.used.map(\.name)
      values[index].count = values[index].texts.count
    }
    return values
  }

  /// SHA-256 of all that was read, by parameter.
  /// - Parameter images: SHA-256 of the images, by the places of their parameters.
  func digests(images: [[String]], _ session: TaskSession) throws -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (index, parameter) in plugin.parameters.enumerated() {
      let found =
        try images[index] + files[index].map(\.digest) + (onDemand[index]?.used.map(\.digest) ?? [])
        + models[index].map { try session.digest($0.model.source) }
      if !found.isEmpty { digests[parameter.name] = found }
    }
    return digests
  }
}
