import WorkerProtocol

/// The words of a command, from what a form has: as its user would write them, and in the same order each time.
package struct CommandWords {
  /// The task's name first.
  package private(set) var words: [String]

  /// The host's options that forms have: all else has to do with where results go and how a terminal is used.
  package static let hostOptions: Set = [
    "preset", "format", "quality", "bit-depth", "lossless", "strip-metadata", "frames-of", "model",
    "model-info",
    "seed", "repeat", "precision", "max-pixels",
  ]

  /// - Parameters:
  ///   - image: the file of the task's first image, if it takes one.
  ///   - texts: of the other parameters.
  ///   - hostOptions: those of the host's options that may be given.
  ///   - isFile: whether a name is that of a file that may be read.
  /// - Throws: `StudioError` where a parameter is unknown, or names a file that is not there.
  package init(
    _ task: TaskDescription, image: String?, texts: [String: [String]],
    hostOptions: Set<String> = Self.hostOptions, isFile: (String) -> Bool
  ) throws {
    let known = Dictionary(task.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for name in texts.keys.sorted() {
      guard let parameter = known[name], !parameter.isHost || hostOptions.contains(name) else {
        throw StudioError(.badRequest, "\(task.name) has no parameter \(name.prefix(60))")
      }
    }
    var texts = texts
    if let name = task.imageParameter, let image { texts[name] = [image] }
    words = [task.name]
    var last: [String] = []
    for parameter in task.parameters {
      for text in texts[parameter.name] ?? [] {
        let text = try Self.checked(text, parameter, isFile: isFile)
        if parameter.has("positional") {
          // A word that begins with - would be an option.
          if text.hasPrefix("-") { last.append(text) } else { words.append(text) }
        } else if parameter.kind == "bool" {
          let isOn = ["yes", "on", "true", "1"].contains(text)
          words.append(isOn ? "--\(parameter.name)" : "--no-\(parameter.name)")
        } else if text.hasPrefix("-") {
          words.append("--\(parameter.name)=\(text)")
        } else {
          words += ["--\(parameter.name)", text]
        }
      }
    }
    if !last.isEmpty { words += ["--"] + last }
  }

  /// Adds an option before the words that are no options.
  package mutating func add(_ option: String, _ value: String) {
    words.insert(contentsOf: [option, value], at: words.firstIndex(of: "--") ?? words.count)
  }

  /// Adds the inputs of a batch.
  package mutating func add(inputs names: [String]) {
    // A name that begins with - would be an option.
    words.insert(contentsOf: names.map { $0.hasPrefix("-") ? "./\($0)" : $0 }, at: 1)
  }

  /// As it is pasted into a shell.
  package var command: String { (["rtool"] + words).map(Self.quoted).joined(separator: " ") }

  private static func checked(
    _ text: String, _ parameter: ParameterDescription, isFile: (String) -> Bool
  ) throws -> String {
    guard !text.contains("\0") else { throw StudioError(.badRequest, "--\(parameter.name) has a zero byte") }
    switch parameter.kind {
    case "image", "mask", "file":
      guard isFile(text) else {
        throw StudioError(
          .badRequest, "--\(parameter.name): there is no file \(text.prefix(80)) here; upload it first")
      }
    case "model" where text.contains("/"), "text" where parameter.name == "model" && text.contains("/"),
      "text" where parameter.name == "model-info" && !isFile(text):
      throw StudioError(.badRequest, "--\(parameter.name): name a model, or upload its file first")
    default: break
    }
    return text
  }

  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./,:=+@%".contains($0)) }
    return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
  }
}
