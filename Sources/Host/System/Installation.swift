import Glibc
import Imaging

/// Where the program stands, and the folders found from there, wherever the whole is moved.
enum Installation {
  static let version = "0.2.0"

  /// The running program, links resolved.
  static let program: String = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    guard length > 0 else { return "/" }
    return String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  static var programFolder: String { folder(of: program) }

  /// PREFIX where the program is PREFIX/bin/rtool.
  static var prefix: String { folder(of: programFolder) }

  /// The user's own folder for plugins and models: $XDG_DATA_HOME/rtool, else ~/.local/share/rtool.
  static var userFolder: String? {
    if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") { return data + "/rtool" }
    return environment("HOME").map { $0 + "/.local/share/rtool" }
  }

  /// The user's own folder for what can be found out again: $XDG_CACHE_HOME/rtool, else ~/.cache/rtool.
  static var cacheFolder: String? {
    if let caches = environment("XDG_CACHE_HOME"), caches.hasPrefix("/") { return caches + "/rtool" }
    return environment("HOME").flatMap { $0.hasPrefix("/") ? $0 + "/.cache/rtool" : nil }
  }

  /// The absolute folders of a colon-separated variable. Others are left out, so that the current folder is
  /// never searched by accident.
  static func folders(in variable: String) -> [String] {
    entries(of: variable).filter { $0.hasPrefix("/") }
  }

  /// The entries that are left out.
  static func relativeFolders(in variable: String) -> [String] {
    entries(of: variable).filter { !$0.hasPrefix("/") }
  }

  private static func entries(of variable: String) -> [String] {
    (environment(variable) ?? "").split(separator: ":").map(String.init)
  }

  static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}

func fileName(of path: String) -> Substring {
  path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
}

/// The names in a folder, sorted; empty where it cannot be read.
func contents(ofFolder path: String) -> [String] { entries(ofFolder: path).map(\.name) }

struct FolderEntry {
  enum Kind: UInt8 {
    case folder = 4
    case file = 8
  }

  let name: String
  /// nil: it is a link, or of another kind, or the file system does not say so beside the name.
  let kind: Kind?
}

/// What is in a folder, sorted by names; nothing where it cannot be read.
func entries(ofFolder path: String) -> [FolderEntry] {
  guard let folder = opendir(path) else { return [] }
  defer { closedir(folder) }
  var entries: [FolderEntry] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name == "." || name == ".." { continue }
    entries.append(FolderEntry(name: name, kind: FolderEntry.Kind(rawValue: entry.pointee.d_type)))
  }
  return entries.sorted { $0.name < $1.name }
}

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
