import Glibc
import Imaging

/// Finds the files that a step read: by the recorded name, in a few folders and nowhere else, and only if they have
/// the recorded content.
struct RecordedInputs {
  /// In order of precedence.
  let folders: [String]

  /// The bytes of the file. `name` is as recorded, "-" for standard input, whose name is not known: then every
  /// picture in the folders is looked at.
  func bytes(name: String, sha256: String) throws -> [UInt8] {
    if name == "-" { return try anyPicture(sha256) }
    guard Self.isFileName(name) else {
      throw Failure.failed("the recorded name \(quoted(name)) is not the name of a file")
    }
    var different: String?
    for path in folders.map({ $0 + "/" + name }) {
      guard let bytes = FileBytes.ofRegularFile(path) else { continue }
      if try Imaging.digest(of: bytes) == sha256 { return bytes }
      different = different ?? path
    }
    if let different {
      throw Failure.failed("\(different) is not the file that was read: it has another content")
    }
    throw Failure.failed("\(quoted(name)) is missing; name the folder it is in with --inputs")
  }

  private func anyPicture(_ sha256: String) throws -> [UInt8] {
    for folder in folders {
      for name in contents(ofFolder: folder) where Format(path: name) != nil {
        if let bytes = FileBytes.ofRegularFile("\(folder)/\(name)"),
          try Imaging.digest(of: bytes) == sha256
        {
          return bytes
        }
      }
    }
    throw Failure.failed(
      "what was read from standard input is missing; name the folder of a file with that content with --inputs"
    )
  }

  static func isFileName(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && name != "." && name != ".." && !name.contains("/")
      && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }
}
