import Glibc
import Imaging

/// The pictures in a folder, by their endings and in the order of their names. Hidden files and folders are left out, and
/// links to folders are not followed.
struct FolderWalk {
  let folder: String
  let isRecursive: Bool
  /// A folder that is left out: results are no inputs.
  let excluded: FileIdentity?

  /// - Throws: `Failure` where the folder, or one in it, cannot be read.
  func inputs() throws -> [BatchInput] {
    let base = folder.hasSuffix("/") ? folder : folder + "/"
    var found: [BatchInput] = []
    var waiting = [""]
    while let part = waiting.popLast() {
      if Interrupt.isRequested { throw Failure.interrupted }
      let path = base + part
      guard access(path, R_OK | X_OK) == 0 else {
        throw Failure.failed("the folder \(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      var folders: [String] = []
      for entry in entries(ofFolder: path) where !entry.name.hasPrefix(".") {
        let name = entry.name
        if entry.kind == .file {
          if Format(path: name) != nil { found.append(BatchInput(found: path + name, within: part + name)) }
          continue
        }
        var status = stat()
        let isLink = lstat(path + name, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
        if isLink, stat(path + name, &status) != 0 { status.st_mode = S_IFREG }
        if status.st_mode & S_IFMT == S_IFDIR {
          if isRecursive, !isLink, FileIdentity(status) != excluded { folders.append("\(part)\(name)/") }
        } else if Format(path: name) != nil {
          found.append(BatchInput(found: path + name, within: part + name))
        }
      }
      waiting += folders.reversed()
    }
    return found
  }
}

/// Which file it is, whatever its name.
struct FileIdentity: Hashable {
  private let device: dev_t
  private let number: ino_t

  init(_ status: stat) { (device, number) = (status.st_dev, status.st_ino) }

  /// nil: there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}
