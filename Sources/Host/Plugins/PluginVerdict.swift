/// What a trial of a plugin found, in a form that is kept and handed from process to process: lines of text.
enum PluginVerdict: Equatable {
  /// Its manifest is legal.
  case usable(version: String, summary: String)
  /// Why it is not used, in words that begin in lower case.
  case rejected(String)
  /// It did not come back.
  case late

  var text: String {
    switch self {
    case .usable(let version, let summary): "usable\n\(version)\n\(summary)\n"
    case .rejected(let reason): "rejected\n\(reason)\n"
    case .late: "late\n"
    }
  }

  /// nil: it is no such text, or not all of it.
  init?(_ text: Substring) {
    guard text.last == "\n" else { return nil }
    let lines = text.dropLast(1).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    switch (lines.first, lines.count) {
    case ("usable", 3): self = .usable(version: lines[1], summary: lines[2])
    case ("rejected", 2): self = .rejected(lines[1])
    case ("late", 1): self = .late
    default: return nil
    }
  }
}
