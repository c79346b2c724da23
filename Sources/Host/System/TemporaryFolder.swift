import Glibc

/// A new folder that only this user can enter; gone, with all in it, when the value is.
final class TemporaryFolder {
  let path: String

  /// The folder for temporary files: $TMPDIR, else /tmp.
  static var parent: String {
    Installation.environment("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
  }

  init() throws {
    let parent = Self.parent
    var template = Array("\(parent)/rtool-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure.failed(
        "no temporary folder can be made in \(parent): \(String(cString: strerror(errno)))")
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.remove(path) }

  /// A new folder inside.
  func folder(_ name: String) throws -> String {
    let folder = "\(path)/\(name)"
    guard mkdir(folder, 0o700) == 0 else {
      throw Failure.failed("\(folder) cannot be made: \(String(cString: strerror(errno)))")
    }
    return folder
  }

  /// Removes a file, or a folder with what is in it. Links are not followed.
  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in contents(ofFolder: path) { remove("\(path)/\(name)") }
    rmdir(path)
  }
}
