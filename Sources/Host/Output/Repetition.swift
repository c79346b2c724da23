import Imaging

/// What a task made, as the image that it is given the next time: as if it had gone through a pipe, without loss. A JPEG
/// that is to become one again goes on as it is, so that its blocks are kept, and all rounds are one step of the record.
struct Repetition {
  let plugin: Plugin
  let settings: RunSettings
  private let folder: TemporaryFolder
  private let becomesJPEG: Bool
  /// How many rounds are one step of what is recorded; nil: each is one.
  private(set) var roundsOfStep: Int?

  /// - Parameter format: of the file that all ends in.
  /// - Throws: a usage failure where the task takes no image.
  init(plugin: Plugin, settings: RunSettings, format: Format) throws {
    guard plugin.parameters.contains(where: Self.isReplaced) else {
      throw Failure.usage("--repeat needs a task that makes an image of one, and \(plugin.name) does not")
    }
    (self.plugin, self.settings, folder) = (plugin, settings, try TemporaryFolder())
    becomesJPEG = format == .jpeg
  }

  /// Whether what one round makes takes the place of this parameter's image in the next; of several the first's.
  static func isReplaced(_ parameter: CommandParameter) -> Bool {
    parameter.kind == .image && !parameter.flags.contains(.onDemand)
  }

  /// Puts the image that `run` made in the place of the first one of the task.
  mutating func replace(
    in values: inout [TypedValue], _ images: inout [[SourceImage]], by run: Run, step: Provenance.Step
  ) throws {
    let results = run.emitted.filter { $0.name == nil }
    guard let emission = results.first, results.count == 1 else {
      throw Failure.failed("--repeat needs a task that makes one image, and this one made \(results.count)")
    }
    let index = plugin.parameters.firstIndex(where: Self.isReplaced)!
    guard values[index].texts.count <= 1 else {
      throw Failure.failed("--repeat does not know which of several images the result is to replace")
    }
    if becomesJPEG, let source = emission.source, source.format == .jpeg {
      let result = emission.result.continuing(source)
      try check(images, fit: result)
      images[index] = [result]
      roundsOfStep = settings.rounds
      return
    }
    let encoded = step.encoded(as: .png, settings)
    let path = "\(folder.path)/result.png"
    let provenance = Provenance(of: emission.source ?? images[index].first, encoded)
    _ = try emission.result.write(
      to: .file(path), format: .png, options: settings.options,
      provenance: settings.options.stripMetadata ? nil : provenance.json)
    let result = try SourceImage.open(.file(path), limits: settings.limits, digest: true)
    try check(images, fit: result)
    images[index] = [result]
    values[index].texts = ["-"]
    values[index].count = 1
  }

  private func check(_ images: [[SourceImage]], fit result: SourceImage) throws {
    for (parameter, masks) in zip(plugin.parameters, images) where parameter.kind == .mask {
      for mask in masks where (mask.width, mask.height) != (result.width, result.height) {
        throw Failure.failed(
          "the task made an image of \(result.width)x\(result.height) pixels, which \(mask.name) does not fit; "
            + "leave out --repeat")
      }
    }
  }
}
