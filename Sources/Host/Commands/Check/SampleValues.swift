import RobustRuntime

/// Values for a plugin's parameters, as a user would write them.
struct SampleValues {
  let images: SampleImages
  let facts: ModelFacts

  /// The usual value, where the task has to be given one.
  func usual(_ parameter: CommandParameter) -> String {
    let hole = images.middle
    switch parameter.kind {
    case .bool: return "on"
    case .int, .real: return numberText(parameter.initial)
    case .choice: return parameter.choices[Int(parameter.initial)].name
    case .text: return parameter.initialText ?? "0"
    case .image, .file: return images.image
    case .model: return parameter.initialText ?? ModelSearch.embeddedName
    case .layer: return parameter.initialText ?? facts.layers.last!.name
    case .mask: return images.mask
    case .classes: return parameter.initialText ?? "0"
    case .color: return parameter.initialText ?? "#808080"
    case .point: return "\(hole.x),\(hole.y)"
    case .box: return "\(hole.x),\(hole.y),\(hole.width),\(hole.height)"
    }
  }

  /// Any legal value, of a size that does not take long.
  func random(_ parameter: CommandParameter, _ generator: inout SplitMix) -> String {
    if parameter.flags.contains(.auto), Int.random(in: 0..<4, using: &generator) == 0 { return "auto" }
    switch parameter.kind {
    case .bool: return Bool.random(using: &generator) ? "on" : "off"
    case .int, .real: return numberText(number(parameter, &generator))
    case .choice: return parameter.choices.randomElement(using: &generator)!.name
    case .text, .mask, .file, .model: return usual(parameter)
    case .layer:
      return (facts.layers.map(\.name) + parameter.choices.map(\.name)).randomElement(using: &generator)!
    case .image: return Bool.random(using: &generator) ? images.image : images.other
    case .classes: return mixture(parameter, &generator)
    case .color:
      return (0..<3).map { _ in "\(Int.random(in: 0...255, using: &generator))" }.joined(separator: ",")
    case .point:
      let x = Int.random(in: 0..<images.width, using: &generator)
      return "\(x),\(Int.random(in: 0..<images.height, using: &generator))"
    case .box:
      let x = Int.random(in: 0..<images.width, using: &generator)
      let y = Int.random(in: 0..<images.height, using: &generator)
      let width = Int.random(in: 1...max(1, (images.width - x) / 2), using: &generator)
      return "\(x),\(y),\(width),\(Int.random(in: 1...max(1, (images.height - y) / 2), using: &generator))"
    }
  }

  private func mixture(_ parameter: CommandParameter, _ generator: inout SplitMix) -> String {
    if parameter.flags.contains(.none), Int.random(in: 0..<4, using: &generator) == 0 { return "none" }
    let first = Int.random(in: 0..<facts.classes.count, using: &generator)
    if Int.random(in: 0..<3, using: &generator) > 0 { return "\(first)" }
    return "\(first):2,\(Int.random(in: 0..<facts.classes.count, using: &generator)):0.5"
  }

  private func number(_ parameter: CommandParameter, _ generator: inout SplitMix) -> Double {
    if parameter.isEffort {
      return parameter.littleEffort + Double.random(in: 0..<3, using: &generator).rounded(.down)
    }
    let range = parameter.usualRange
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: return range.lowerBound
    case 1: return range.upperBound
    default:
      let number = Double.random(in: range, using: &generator)
      return parameter.kind == .int ? number.rounded() : number
    }
  }

  /// A value that must be refused; nil: there is none.
  static func illegal(_ parameter: CommandParameter) -> String? {
    switch parameter.kind {
    case .bool, .text: return nil
    case .int, .real:
      guard let limits = parameter.limits, abs(limits.upperBound) < 1e15 else { return "much" }
      return numberText(limits.upperBound + 1)
    case .choice: return "no-such-choice"
    case .image, .mask, .file, .model: return ""
    case .layer: return "no such layer"
    case .classes: return "no such class"
    case .color: return "#12"
    case .point: return "1"
    case .box: return "1,2,0,3"
    }
  }
}

extension CommandParameter {
  /// Whether it tells how long to go on: then small values will do.
  var isEffort: Bool {
    kind == .int
      && ["steps", "iterations"].contains { name == $0 || name.hasSuffix("-\($0)") }
  }

  var littleEffort: Double {
    limits.map { min(max(2, $0.lowerBound), max($0.lowerBound, $0.upperBound - 2)) } ?? 2
  }

  /// The slider's range, or the part of the limits that is near the initial value.
  fileprivate var usualRange: ClosedRange<Double> {
    if let softLimits { return kind == .int ? softLimits.rounded : softLimits }
    let reach = max(4 * abs(initial), 4)
    let low = limits?.lowerBound ?? (initial < 0 ? -reach : 0)
    let range = low...max(low, min(limits?.upperBound ?? reach, max(reach, low + 4)))
    return kind == .int ? range.rounded : range
  }
}

extension ClosedRange<Double> {
  /// The whole numbers inside.
  fileprivate var rounded: ClosedRange<Double> {
    let low = lowerBound.rounded(.up)
    return low...Swift.max(low, upperBound.rounded(.down))
  }
}
