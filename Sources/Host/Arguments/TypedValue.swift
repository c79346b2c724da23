import RobustRuntime

/// The checked value of one parameter. Files are named, not opened.
package struct TypedValue: Sendable {
  /// How often the user gave it.
  package var given = 0
  /// How many values there are; each has `kind.numbers` numbers.
  package var count = 0
  package var numbers: [Double] = []
  /// Texts, or the names of files.
  package var texts: [String] = []
}

extension CommandParameter {
  /// What to say where it is required and was not given.
  package var missing: Failure { .usage("\(label) is missing: \(help)") }

  /// The value that `texts` (from the user, a preset, or none) stand for. Throws a usage failure that names the
  /// parameter and says what is allowed.
  ///
  /// - Parameter classes: The model's classes, asked for only where a class has to be looked up.
  package func value(of texts: [String], given: Bool, classes: () throws -> [String]) throws -> TypedValue {
    var value = TypedValue(given: given ? texts.count : 0)
    var texts = flags.contains(.repeated) ? texts : Array(texts.suffix(1))
    if texts.isEmpty {
      if flags.contains(.required) { throw missing }
      if [.bool, .int, .real, .choice].contains(kind) {
        if !flags.contains(.auto) { (value.numbers, value.count) = ([initial], 1) }
        return value
      }
      texts = initialText.map { [$0] } ?? []
    }
    for text in texts {
      if text == "auto" && flags.contains(.auto) { continue }
      if text == "none" && flags.contains(.none) {
        value.texts = [text]
        continue
      }
      let numbers: [Double]
      switch kind {
      case .text, .image, .mask, .file, .layer, .model:
        if text.isEmpty && kind.isInput {
          throw Failure.usage(
            "\(label) needs the name of a \(kind == .model ? "model" : "file"), not an empty one")
        }
        value.texts.append(text)
        numbers = []
      case .bool: numbers = [try flag(text) ? 1 : 0]
      case .int: numbers = [try number(text, isWhole: true)]
      case .real: numbers = [try number(text, isWhole: false)]
      case .choice:
        guard let index = choices.firstIndex(where: { $0.name == text }) else {
          let names = choices.map(\.name)
          throw Failure.usage(
            "\(label) must be \(Suggestion.list(names)), not \(quoted(text))\(Suggestion.text(text, in: names))"
          )
        }
        numbers = [Double(index)]
      case .classes: numbers = try mixture(text, classes: classes())
      case .color: numbers = try color(text)
      case .point: numbers = try list(text, count: 2)
      case .box:
        numbers = try list(text, count: 4)
        if numbers.contains(where: { $0 != $0.rounded() || abs($0) > 1e9 }) || numbers[2] < 1
          || numbers[3] < 1
        {
          throw Failure.usage(
            "\(label) must be four whole numbers x,y,width,height, the last two at least 1, not \(quoted(text))"
          )
        }
      }
      value.numbers += numbers
      value.count += kind.numbers > 0 ? numbers.count / kind.numbers : 1
    }
    return value
  }

  private func flag(_ text: String) throws -> Bool {
    if ["1", "on", "true", "yes"].contains(text) { return true }
    guard ["0", "off", "false", "no"].contains(text) else {
      throw Failure.usage("\(label) is on or off, not \(quoted(text))")
    }
    return false
  }

  /// The indices of the layers that a value names, among the model's and then among the choices.
  func layerIndices(_ value: TypedValue, of facts: ModelFacts) throws -> [Double] {
    let names = facts.layers.map(\.name) + choices.map(\.name)
    return try value.texts.map { text in
      guard let index = names.firstIndex(of: text) else {
        throw Failure.usage("the model has no layer \(quoted(text)); it has \(names.joined(separator: ", "))")
      }
      return Double(index)
    }
  }

  private func number(_ text: String, isWhole: Bool) throws -> Double {
    let range =
      limits.map { " between \(numberText($0.lowerBound)) and \(numberText($0.upperBound))" } ?? ""
    let unit = unit.map { " (\($0))" } ?? ""
    let expected = "\(label) must be a \(isWhole ? "whole number" : "number")\(range)\(unit)"
    guard let number = isWhole ? Int(text).map(Double.init) : Double(text), number.isFinite,
      limits?.contains(number) ?? true
    else { throw Failure.usage("\(expected), not \(quoted(text))") }
    return number
  }

  private func list(_ text: String, count: Int) throws -> [Double] {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.count == count, numbers.allSatisfy({ $0?.isFinite ?? false }) else {
      throw Failure.usage(
        "\(label) must be \(kind.placeholder.lowercased()) (\(count) numbers), not \(quoted(text))")
    }
    return numbers.map { $0! }
  }

  private func color(_ text: String) throws -> [Double] {
    let digits = text.dropFirst()
    if text.hasPrefix("#"), [3, 6].contains(digits.count), let value = Int(digits, radix: 16) {
      let bits = digits.count == 6 ? 8 : 4
      return [2, 1, 0].map { Double(value >> ($0 * bits) & (1 << bits - 1)) / Double(1 << bits - 1) }
    }
    guard let numbers = try? list(text, count: 3), numbers.allSatisfy((0...255).contains) else {
      throw Failure.usage("\(label) must be #rgb, #rrggbb or r,g,b with each in 0..255, not \(quoted(text))")
    }
    return numbers.map { $0 / 255 }
  }

  /// Pairs of class index and weight, the weights adding up to 1.
  private func mixture(_ text: String, classes: [String]) throws -> [Double] {
    var pairs: [(index: Int, weight: Double)] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      // The whole part may be a class whose name has a colon.
      var (name, weight) = (String(part), 1.0)
      if !classes.contains(name), let colon = part.lastIndex(of: ":") {
        guard let parsed = Double(part[part.index(after: colon)...]), parsed.isFinite, parsed > 0 else {
          throw Failure.usage(
            "\(label) has a weight that is no positive number in \(quoted(part)); write CLASS:WEIGHT")
        }
        (name, weight) = (String(part[..<colon]), parsed)
      }
      let index = classes.firstIndex(of: name) ?? classes.firstIndex { $0.lowercased() == name.lowercased() }
      guard let index = index ?? Int(name).flatMap({ classes.indices.contains($0) ? $0 : nil }) else {
        let near = Suggestion.text(name, in: classes)
        let all = near.isEmpty ? "; `rtool classes` lists the \(classes.count) it knows" : near
        throw Failure.usage("the model has no class \(quoted(name))\(all)")
      }
      pairs.append((index, weight))
    }
    // What adds up to 1 but for rounding stays as it is, so that a mixture that was written down is the same again.
    let sum = pairs.reduce(0) { $0 + $1.weight }
    let total = abs(sum - 1) < 1e-12 ? 1 : sum
    return pairs.flatMap { [Double($0.index), $0.weight / total] }
  }
}

/// What the user wrote, as messages show it: not longer than a line can hold.
package func quoted(_ text: some StringProtocol) -> String {
  text.count <= 60 ? "“\(text)”" : "“\(text.prefix(57))...”"
}
