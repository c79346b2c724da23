import Imaging
import RobustRuntime
import Synchronization

/// What all jobs of a process share: the task, the models, and what the task prepared with them.
final class TaskSession: Sendable {
  let plugin: Plugin
  let classifier: Classifier
  let threads: Int
  let prepared = PreparedObjects()
  /// Image files that stay open from run to run; nil: none do.
  let opened: OpenImages?
  private let source: ModelSearch.Source
  private let known = Mutex(Known())

  /// A model that a value names.
  struct OtherModel {
    let source: ModelSearch.Source
    let classifier: Classifier
  }

  private struct Known {
    var others: [String: OtherModel] = [:]
    /// SHA-256 of models' files, by their places.
    var digests: [String: String] = [:]
  }

  /// Reads the model. libvips is loaded meanwhile.
  init(_ plugin: Plugin, _ settings: RunSettings, opened: OpenImages? = nil) throws {
    (self.plugin, self.opened) = (plugin, opened)
    Imaging.preload()
    threads = configureRuntime(threads: settings.threads)
    try configureRuntime(precision: settings.precision)
    source = try ModelSearch.find(settings.model, info: settings.modelInfo)
    classifier = try ModelSearch.load(source)
  }

  /// Makes the runtime compute as these settings say, after it computed for others.
  func configure(_ settings: RunSettings) throws {
    _ = configureRuntime(threads: settings.threads)
    try configureRuntime(precision: settings.precision)
  }

  /// The model that --model names, as it is recorded.
  func model(_ settings: RunSettings) throws -> Provenance.Model {
    Provenance.Model(
      name: classifier.facts.name, sha256: try digest(source),
      info: try settings.modelInfo.map(ModelSearch.digest(ofFile:)))
  }

  func otherModel(_ text: String) throws -> OtherModel {
    try known.withLock { known in
      if let model = known.others[text] { return model }
      let source = try ModelSearch.find(text)
      let model = OtherModel(source: source, classifier: try ModelSearch.load(source))
      known.others[text] = model
      return model
    }
  }

  /// SHA-256 of a model's file.
  func digest(_ source: ModelSearch.Source) throws -> String {
    try known.withLock { known in
      if let digest = known.digests[source.place] { return digest }
      let digest = try ModelSearch.digest(source)
      known.digests[source.place] = digest
      return digest
    }
  }
}
