/// Help as text, made from a plugin's manifest and the host's own options.
struct Help {
  let plugin: Plugin
  /// --help: all options, choices, description and examples. Otherwise -h: what is needed most.
  let isFull: Bool
  let columns: Int
  /// Marks headings; the identity where there is no colour.
  let bold: (String) -> String

  var text: String {
    let all = plugin.parameters + plugin.hostOptions + plugin.batchOptions
    let shown = all.filter { isFull || !$0.flags.contains(.advanced) }
    var lines = ["\(bold("rtool \(plugin.name)")) - \(plugin.summary)", ""]
    lines.append("\(bold("Usage:")) \(Self.usage(of: plugin))")
    if isFull && !plugin.description.isEmpty {
      lines.append("")
      for paragraph in plugin.description.split(separator: "\n", omittingEmptySubsequences: false) {
        lines += paragraph.isEmpty ? [""] : wrapped(String(paragraph), width: columns)
      }
    }
    var groups: [String] = []
    var members: [String: [CommandParameter]] = [:]
    for parameter in shown {
      let group = parameter.isPositional ? "Arguments" : parameter.group ?? "Options"
      if members[group] == nil { groups.append(group) }
      members[group, default: []].append(parameter)
    }
    // The arguments come first whatever their place among the parameters.
    for group in groups.filter({ $0 == "Arguments" }) + groups.filter({ $0 != "Arguments" }) {
      lines += ["", bold("\(group):")]
      for parameter in members[group]! { lines += entry(parameter) }
    }
    if isFull && !plugin.examples.isEmpty {
      lines += ["", bold("Examples:")]
      for example in plugin.examples {
        lines += wrapped(example.help, width: columns - 2).map { "  \($0)" }
        lines.append("    rtool \(plugin.name) \(example.arguments)")
      }
    }
    if isFull {
      let about = [plugin.author, plugin.license, plugin.url].compactMap { $0 }
      lines += ["", (["\(plugin.name) \(plugin.version)"] + about).joined(separator: ", ")]
    } else {
      lines += ["", "--help tells more."]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  static func usage(of plugin: Plugin) -> String {
    let arguments = plugin.parameters.filter(\.isPositional).map { parameter in
      let name = parameter.placeholder + (parameter.flags.contains(.repeated) ? "..." : "")
      return parameter.flags.contains(.required) ? name : "[\(name)]"
    }
    let required = plugin.parameters.filter { $0.flags.contains(.required) && !$0.isPositional }
      .map { "--\($0.name) \($0.placeholder)" }
    return (["rtool", plugin.name] + arguments + required + ["[options]"]).joined(separator: " ")
  }

  /// `-m, --mask FILE`.
  static func spelling(_ parameter: CommandParameter) -> String {
    if parameter.isPositional { return parameter.placeholder }
    let isOnAtFirst = parameter.kind == .bool && parameter.initial != 0
    let name = isOnAtFirst ? "--[no-]\(parameter.name)" : "--\(parameter.name)"
    let value = parameter.kind == .bool ? "" : " \(parameter.placeholder)"
    return "\(parameter.letter.map { "-\($0), " } ?? "    ")\(name)\(value)"
  }

  /// What a parameter does, its range and what it is when nothing is given.
  /// - Parameter preset: what the preset that is used by default sets it to; nil: nothing.
  static func explanation(_ parameter: CommandParameter, preset: String? = nil) -> String {
    var text = parameter.help
    if parameter.flags.contains(.repeated) && !parameter.isPositional { text += "; may be repeated" }
    var notes: [String] = []
    if let limits = parameter.limits, [.int, .real].contains(parameter.kind), limits.upperBound < 1e9 {
      notes.append("\(numberText(limits.lowerBound)) to \(numberText(limits.upperBound))")
    }
    if let unit = parameter.unit { notes.append(unit) }
    if let initial = preset ?? parameter.initialDescription, !parameter.flags.contains(.required) {
      notes.append("default \(initial)")
    }
    return notes.isEmpty ? text : "\(text) [\(notes.joined(separator: ", "))]"
  }

  private func entry(_ parameter: CommandParameter) -> [String] {
    let left = "  " + Self.spelling(parameter)
    let margin = 30
    let preset = plugin.presets.first?.settings[parameter.name]
    let help = wrapped(Self.explanation(parameter, preset: preset), width: columns - margin)
    var lines = Self.hanging(left, help, margin: margin)
    if isFull && parameter.kind == .choice {
      for choice in parameter.choices where !choice.help.isEmpty {
        let help = wrapped("\(choice.name): \(choice.help)", width: columns - margin - 2)
        lines += help.enumerated().map {
          String(repeating: " ", count: margin) + ($0 == 0 ? "" : "  ") + $1
        }
      }
    }
    return lines
  }

  static func hanging(_ left: String, _ right: [String], margin: Int) -> [String] {
    let pad = String(repeating: " ", count: margin)
    guard left.count <= margin - 2, let first = right.first else { return [left] + right.map { pad + $0 } }
    let gap = String(repeating: " ", count: margin - left.count)
    return [left + gap + first] + right.dropFirst().map { pad + $0 }
  }
}

/// `text` broken at spaces into lines of at most `width` characters, where words allow it.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty && line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    line += line.isEmpty ? String(word) : " \(word)"
  }
  return line.isEmpty ? lines : lines + [line]
}
