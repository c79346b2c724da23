/// What the header asks of a manifest's texts, besides what the host refuses anyway.
enum ManifestCheck {
  /// The faults, in words.
  static func faults(of plugin: Plugin) -> [String] {
    var faults: [String] = []
    if let fault = sentenceFault(plugin.summary, mayBeginUpper: true) {
      faults.append("the summary \(fault)")
    }
    for parameter in plugin.parameters {
      if let fault = sentenceFault(parameter.help) {
        faults.append("the help of \(parameter.label) \(fault)")
      }
      faults += repeated(parameter.choices.map(\.name), "choice", of: parameter.label)
      for choice in parameter.choices {
        if choice.name.isEmpty || choice.name.contains(" ") {
          faults.append("\(parameter.label) has a choice \(quoted(choice.name)), which is no word")
        }
      }
    }
    faults += repeated(plugin.presets.map(\.name), "preset", of: "the manifest")
    for example in plugin.examples {
      if let fault = fault(of: example, plugin) {
        faults.append("the example \(quoted(example.arguments)) is wrong: \(fault)")
      }
    }
    return faults
  }

  private static func repeated(_ names: [String], _ what: String, of owner: String) -> [String] {
    Set(names.filter { name in names.count { $0 == name } > 1 }).sorted()
      .map { "\(owner) has the \(what) \(quoted($0)) twice" }
  }

  /// One sentence, lower case, no full stop.
  private static func sentenceFault(_ text: String, mayBeginUpper: Bool = false) -> String? {
    if text.isEmpty { return "is empty" }
    if text.contains("\n") { return "has more than one line" }
    if text.hasSuffix(".") && !text.hasSuffix("...") { return "ends in a full stop" }
    // Names and abbreviations are written as they are.
    let word = text.prefix { $0.isLetter || $0.isNumber }
    if !mayBeginUpper, word.first?.isUppercase == true, word.dropFirst().allSatisfy(\.isLowercase) {
      return "begins with a capital letter"
    }
    return nil
  }

  /// The example is held against the parameters; the model's classes are not, since it may be meant for another.
  private static func fault(of example: Plugin.Example, _ plugin: Plugin) -> String? {
    do {
      let parameters = plugin.parameters + plugin.hostOptions
      let parsed = try ParsedArguments(words(of: example.arguments), parameters: parameters)
      for parameter in parameters where parameter.kind != .classes {
        let given = parsed.texts[parameter.name]
        if given != nil || parameter.flags.contains(.required) {
          _ = try parameter.value(of: given ?? [], given: true) { [] }
        }
      }
      return nil
    } catch {
      return Failure(error).description
    }
  }

  /// The words of a line of shell, as far as the first command goes.
  static func words(of line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if "|<>;&".contains(character) {
        break
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    return words + (word.map { [$0] } ?? [])
  }
}
