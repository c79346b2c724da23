import EmbeddedModel
import Glibc
import Imaging
import RobustRuntime

/// Finds models: the one inside the program, and safetensors files in a list of folders.
enum ModelSearch {
  enum Source: Equatable {
    case embedded
    case file(String)

    var place: String {
      switch self {
      case .embedded: "inside the program"
      case .file(let path): path
      }
    }
  }

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
      for file in contents(ofFolder: folder) where file.hasSuffix(".safetensors") {
        found.append((name(file), .file("\(folder)/\(file)")))
      }
    }
    return found
  }

  /// The name of a model that is named by that or by its file.
  static func name(_ text: String) -> String {
    let file = String(fileName(of: text))
    return file.hasSuffix(".safetensors") ? String(file.dropLast(12)) : file
  }

  /// The model that `wanted` names: a file, or a name from the search path. nil: RTOOL_MODEL, else the default.
  static func find(_ wanted: String?) throws -> Source {
    guard let wanted = wanted ?? Installation.environment("RTOOL_MODEL") else { return .embedded }
    let isPath = wanted.contains("/") || wanted.hasSuffix(".safetensors")
    if isPath {
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
    case .file(let path): try Classifier(contentsOf: path)
    }
  }

  /// Calls `body` with the bytes of the model's file.
  static func withBytes<Result>(_ source: Source, _ body: (UnsafeRawBufferPointer) throws -> Result) throws
    -> Result
  {
    switch source {
    case .embedded: try body(embeddedBytes)
    case .file(let path): try CheckpointFile.withBytes(of: path, body)
    }
  }

  static func facts(_ source: Source) throws -> ModelFacts {
    switch source {
    case .embedded: try Classifier(bytes: embeddedBytes, name: embeddedName, lasting: true).facts
    case .file(let path): try Classifier.facts(ofFile: path)
    }
  }

  /// SHA-256 of the model's file, in hexadecimal.
  static func digest(_ source: Source) throws -> String {
    try withBytes(source) { try Imaging.digest(of: $0) }
  }
}
