extension CommandParameter {
  /// A value as the user would write it, so that the same value is read from it again; files by their name alone.
  func texts(of value: TypedValue, classes: [String]) -> [String] {
    if value.count == 0, value.texts.isEmpty { return flags.contains(.auto) ? ["auto"] : [] }
    switch kind {
    case .image, .mask, .file: return value.texts.map { String(fileName(of: $0)) }
    case .model: return value.texts.map { ModelSearch.name($0) }
    case .text, .layer: return value.texts
    case .bool: return value.numbers.map { $0 == 0 ? "off" : "on" }
    case .choice: return value.numbers.map { choices[Int($0)].name }
    case .int:
      return value.numbers.map { number in Int(exactly: number).map { "\($0)" } ?? numberText(number) }
    case .real: return value.numbers.map(numberText)
    case .classes: return value.count == 0 ? value.texts : mixtureTexts(value.numbers, classes: classes)
    case .color: return groups(value.numbers.map { numberText(colorLevel($0)) })
    case .point, .box: return groups(value.numbers.map(numberText))
    }
  }

  private func groups(_ texts: [String]) -> [String] {
    stride(from: 0, to: texts.count, by: kind.numbers).map {
      texts[$0..<$0 + kind.numbers].joined(separator: ",")
    }
  }

  /// The number in 0...255 that, divided by 255, is exactly `share`.
  private func colorLevel(_ share: Double) -> Double {
    let level = share * 255
    let near = [level.rounded(), level, level.nextUp, level.nextDown]
    return near.first { $0 / 255 == share } ?? level
  }

  /// INDEX:WEIGHT,INDEX:WEIGHT for each mixture: the weights of one add up to 1.
  private func mixtureTexts(_ numbers: [Double], classes: [String]) -> [String] {
    var texts: [String] = []
    var parts: [String] = []
    var sum = 0.0
    for at in stride(from: 0, to: numbers.count, by: 2) {
      let index = Int(numbers[at])
      // Where classes are named by numbers, an index would be taken for a name.
      let name = classes.contains("\(index)") ? classes[index] : "\(index)"
      parts.append("\(name):\(numberText(numbers[at + 1]))")
      sum += numbers[at + 1]
      if abs(sum - 1) < 1e-9 || at + 2 >= numbers.count {
        texts.append(parts.joined(separator: ","))
        (parts, sum) = ([], 0)
      }
    }
    return texts
  }
}
