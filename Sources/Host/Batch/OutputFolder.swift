import Glibc
import Imaging

/// Folders that results go into, which are made where they are missing.
enum OutputFolder {
  /// The absolute path of a folder without links, which may not be there yet.
  /// - Throws: `Failure` where files could not be made in it.
  static func resolved(_ path: String) throws -> String {
    if let there = realpath(path, nil) {
      defer { free(there) }
      guard isFolder(path) else { throw Failure.failed("\(path) is a file, and results cannot go into it") }
      guard access(path, W_OK | X_OK) == 0 else {
        throw Failure.failed("results cannot go into the folder \(path): \(String(cString: strerror(errno)))")
      }
      return String(cString: there)
    }
    let name = fileName(of: path)
    guard errno == ENOENT, name != "..", !name.isEmpty else {
      throw Failure.failed("results cannot go into the folder \(path): \(String(cString: strerror(errno)))")
    }
    return try "\(resolved(folder(of: path)))/\(name)"
  }

  /// Makes a folder, with those above it, where it is missing.
  static func make(_ path: String) throws {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    let code = errno
    let above = folder(of: path)
    guard code == ENOENT, above != path, above != "." else {
      throw Failure.failed("the folder \(path) cannot be made: \(String(cString: strerror(code)))")
    }
    try make(above)
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw Failure.failed("the folder \(path) cannot be made: \(String(cString: strerror(errno)))")
    }
  }
}
