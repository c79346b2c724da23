/// The manual page rtool(1), made from what the program itself knows of its commands and tasks.
enum ManualPage {
  static func text() -> String {
    var lines = [
      ".TH RTOOL 1 \"\" \"rtool \(Installation.version)\" \"User commands\"",
      ".SH NAME", "rtool \\- image synthesis with a single robust classifier",
      ".SH SYNOPSIS", ".B rtool", "\\fITASK\\fR [\\fIarguments\\fR]",
      ".SH DESCRIPTION",
      "Each task is a plugin that follows the gradient of one robust classifier in the pixels of an image.",
      "Images are read from files or, as -, from standard input, and written to the file named with -o, else to",
      "standard output when that is a pipe or a file, else to a new file in the current folder.",
      ".SH COMMANDS",
    ]
    for builtin in Builtin.all {
      lines += entry("rtool \(builtin.name)", builtin.summary + ".")
      for parameter in builtin.parameters { lines += nested(parameter) }
    }
    for plugin in PluginSearch.all() {
      lines += [".SH \"TASK \(plugin.name.uppercased())\"", escaped(plugin.summary) + ".", ".PP"]
      lines += [".B " + escaped(Help.usage(of: plugin))]
      for paragraph in plugin.description.split(separator: "\n") {
        lines += [".PP", escaped(String(paragraph))]
      }
      for parameter in plugin.parameters + plugin.hostOptions + plugin.batchOptions {
        let preset = plugin.presets.first?.settings[parameter.name]
        lines += entry(Help.spelling(parameter).trimmed, Help.explanation(parameter, preset: preset) + ".")
        for choice in parameter.choices where !choice.help.isEmpty {
          lines += [".br", escaped("\(choice.name): \(choice.help).")]
        }
      }
      for example in plugin.examples {
        lines += [
          ".PP", escaped(example.help) + ":", ".RS", escaped("rtool \(plugin.name) \(example.arguments)"),
          ".RE",
        ]
      }
    }
    lines += [".SH ENVIRONMENT"]
    lines += entry("RTOOL_PATH", "Absolute folders of plugins, separated by colons, searched first.")
    lines += entry("RTOOL_MODEL", "The model used where --model names none.")
    lines += entry("RTOOL_MODELS", "Absolute folders of models, separated by colons, searched first.")
    lines += entry("NO_COLOR", "No colour on terminals.")
    lines += [".SH EXIT STATUS"]
    lines +=
      entry("0", "Done.") + entry("1", "Failed.") + entry("2", "Wrong usage.") + entry("130", "Interrupted.")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func entry(_ term: String, _ text: String) -> [String] {
    [".TP", ".B " + escaped(term), escaped(text)]
  }

  private static func nested(_ parameter: CommandParameter) -> [String] {
    [".br", escaped("\(Help.spelling(parameter).trimmed): \(Help.explanation(parameter)).")]
  }

  /// Backslashes, hyphens and leading dots mean something to troff.
  private static func escaped(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}

extension String {
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
