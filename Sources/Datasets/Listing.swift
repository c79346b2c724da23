import Glibc

/// A path as the system has it, ending with a zero: its bytes need not be UTF-8.
typealias SystemPath = [CChar]

func text(of path: SystemPath) -> String {
  path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}

/// The files of a folder or list that are to be read, before any is opened.
struct Listing {
  struct File: Sendable {
    let place: Place
    let path: SystemPath
  }

  private(set) var files: [File] = []
  /// Classes of which there should be photos.
  private(set) var classes: Set<String> = []
  /// What was left out, a line each.
  private(set) var problems: [String] = []
  /// What changes when the files do, a line each.
  private(set) var fingerprint: [String] = []

  mutating func expect(_ className: String) { classes.insert(className) }

  mutating func leaveOut(_ problem: String) {
    problems.append(problem)
    fingerprint.append(problem)
  }

  mutating func add(_ place: Place, _ path: SystemPath, _ status: stat) {
    classes.insert(place.className)
    files.append(File(place: place, path: path))
    fingerprint.append("\(place.name)\t\(place.shown)\t\(stamp(status))")
  }
}

/// What changes when a file's content does.
func stamp(_ status: stat) -> String {
  "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
}

extension stat {
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
  var isFile: Bool { st_mode & S_IFMT == S_IFREG }
}
