import EmbeddedModel
import Glibc
import Imaging
import RobustRuntime

/// Finds models: the one inside the program, and files of any known format in a list of folders.
enum ModelSearch {
  enum Source: Equatable {
    case embedded
    /// - said: what the user says of the model besides.
    case file(String, said: ModelInfo = ModelInfo())

    var place: String {
      switch self {
      case .embedded: "inside the program"
      case .file(let path, _): path
      }
    }
  }

  /// How the names of models' files end.
  static let suffixes = [
    ".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".onnx", ".pth.tar", ".pt.tar", ".safetensors.index.json",
  ]

  /// Whether a word is the name of a model's file rather than of a model.
  static func isFile(_ text: String) -> Bool { suffixes.contains { text.hasSuffix($0) } }

  static let embeddedName = "photos"

  static var embeddedBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: embedded_model_start(), count: embedded_model_size)
  }

  /// In order of precedence: RTOOL_MODELS, the user's folder, the installation's.
  static var folders: [String] {
    var folders = Installation.folders(in: "RTOOL_MODELS")
    if let user = Installation.userFolder { folders.append(user + "/models") }
    return folders + [Installation.prefix + "/share/rtool/models"]
  }

  /// Every model by its name, the one inside the program first.
  static func candidates() -> [(name: String, source: Source)] {
    var found: [(name: String, source: Source)] = [(embeddedName, .embedded)]
    for folder in folders {
      for file in contents(ofFolder: folder) where isFile(file) {
        found.append((name(file), .file("\(folder)/\(file)")))
      }
    }
    return found
  }

  /// The name of a model that is named by that or by its file.
  static func name(_ text: String) -> String {
    let file = String(fileName(of: text))
    let suffix = suffixes.filter { file.hasSuffix($0) && file.count > $0.count }.max { $0.count < $1.count }
    return String(file.dropLast(suffix?.count ?? 0))
  }

  /// The model that `wanted` names: a file, or a name from the search path. nil: RTOOL_MODEL, else the default.
  /// - Parameter info: a file of what the user says of it; nil: nothing.
  static func find(_ wanted: String?, info: String? = nil) throws -> Source {
    let source = try found(wanted)
    guard let info else { return source }
    guard case .file(let path, _) = source else {
      throw Failure.usage("--model-info is for a model's file; the model inside the program needs none")
    }
    return .file(path, said: try ModelInfo(contentsOf: info))
  }

  private static func found(_ wanted: String?) throws -> Source {
    guard let wanted = wanted ?? Installation.environment("RTOOL_MODEL") else { return .embedded }
    if wanted.contains("/") || isFile(wanted) {
      guard fileExists(wanted) else { throw Failure.failed("there is no model file \(wanted)") }
      return .file(wanted)
    }
    let candidates = candidates()
    if let found = candidates.first(where: { $0.name == wanted }) { return found.source }
    let names = candidates.map(\.name)
    throw Failure.failed(
      "there is no model \(quoted(wanted))\(Suggestion.text(wanted, in: names)); `rtool models` lists those found"
    )
  }

  static func load(_ source: Source) throws -> Classifier {
    switch source {
    case .embedded: try Classifier(bytes: embeddedBytes, name: embeddedName, lasting: true)
    case .file(let path, let said): try Classifier(contentsOf: path, said: said)
    }
  }

  /// Calls `body` with the bytes of the model's file.
  static func withBytes<Result>(_ source: Source, _ body: (UnsafeRawBufferPointer) throws -> Result) throws
    -> Result
  {
    switch source {
    case .embedded: try body(embeddedBytes)
    case .file(let path, _): try CheckpointFile.withBytes(of: path, body)
    }
  }

  static func facts(_ source: Source) throws -> ModelFacts { try description(source).facts }

  /// The facts of a model, and how its file was understood.
  static func description(_ source: Source) throws -> (facts: ModelFacts, origin: ModelOrigin) {
    switch source {
    case .embedded: try Classifier.description(of: embeddedBytes, name: embeddedName)
    case .file(let path, let said): try Classifier.description(ofFile: path, said: said)
    }
  }

  /// SHA-256 of a file, in hexadecimal.
  static func digest(ofFile path: String) throws -> String {
    try CheckpointFile.withBytes(of: path) { try Imaging.digest(of: $0) }
  }

  /// SHA-256 of the model's file, in hexadecimal.
  static func digest(_ source: Source) throws -> String {
    try withBytes(source) { try Imaging.digest(of: $0) }
  }
}
