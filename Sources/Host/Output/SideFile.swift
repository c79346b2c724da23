import Imaging

/// A file beside the images themselves: of --sheet or --frames.
struct SideFile {
  let path: String
  let format: Format

  /// - Parameters:
  ///   - option: which names it.
  ///   - formats: those it may have.
  ///   - fallback: where its name has no ending; nil: it needs one.
  init(_ path: String, option: String, formats: [Format], fallback: Format? = nil) throws {
    guard !path.isEmpty else {
      throw Failure.usage("\(option) needs the name of a file, not an empty one")
    }
    guard path != "-", path != "/dev/stdout" else {
      throw Failure.usage("\(option) needs a file; only the images themselves can go to standard output")
    }
    let hasEnding = fileName(of: path).contains(".")
    guard let format = hasEnding ? Format(path: path) : fallback, formats.contains(format) else {
      let endings = formats.map { ".\($0.extensions[0])" }
      throw Failure.usage(
        "\(option) needs a file that ends in \(Suggestion.list(endings)), not \(quoted(path))")
    }
    self.path = path
    self.format = format
    try Destination.check(path, option: option, format: format)
  }
}
