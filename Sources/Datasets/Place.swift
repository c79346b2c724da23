/// Where a photo belongs.
struct Place: Sendable {
  let className: String
  /// CLASS/NAME.
  let name: String
  /// What messages call it.
  let shown: String

  init(className: String, file: String, shown: String) {
    self.className = className
    self.shown = shown
    name = className + "/" + file
  }
}

/// What the names of files and folders tell.
enum FileName {
  /// Names that systems and programs hide.
  static func isHidden(_ name: some StringProtocol) -> Bool { name.hasPrefix(".") || name == "__MACOSX" }

  /// Names that never are those of photos: such files are passed over without a word.
  static func isOther(_ name: some StringProtocol) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
      return ["README", "LICENSE", "LICENCE", "COPYING", "Makefile"].contains(where: { name == $0 })
    }
    return otherEndings.contains(name[name.index(after: dot)...].lowercased())
  }

  private static let otherEndings: Set<String> = [
    "cfg", "csv", "db", "htm", "html", "ini", "json", "jsonl", "log", "mat", "md", "npy", "npz", "pdf", "pkl",
    "py",
    "rst", "sh", "sqlite", "toml", "tsv", "txt", "xml", "yaml", "yml",
  ]
}

extension String {
  /// Whether it comes first by its UTF-8 bytes, the order of code points.
  func precedes(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }
}
