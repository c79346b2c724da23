import CRTool

/// One parameter of a command: a plugin's, or an option of the host's own. All that the user sees of it (parsing,
/// help, errors, manual) is made from here.
package struct CommandParameter: Sendable {
  package enum Kind: UInt32, Sendable {
    case bool, int, real, text, choice, image, mask, classes, color, point, box, file, layer
    case model = 14

    /// Whether its texts are the names of files that are read.
    package var isFile: Bool { [.image, .mask, .file].contains(self) }

    /// Whether its texts name what is read, so that a hash of it is kept with the result.
    package var isInput: Bool { isFile || self == .model }

    /// How many numbers make one value.
    package var numbers: Int {
      switch self {
      case .bool, .int, .real, .choice: 1
      case .text, .image, .mask, .file, .layer, .model: 0
      case .classes, .point: 2
      case .color: 3
      case .box: 4
      }
    }

    package var placeholder: String {
      switch self {
      case .bool: ""
      case .int, .real: "N"
      case .text: "TEXT"
      case .choice: "CHOICE"
      case .image, .mask, .file: "FILE"
      case .layer: "NAME"
      case .model: "NAME|FILE"
      case .classes: "CLASS"
      case .color: "COLOR"
      case .point: "X,Y"
      case .box: "X,Y,W,H"
      }
    }
  }

  package struct Flags: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let required = Flags(rawValue: UInt32(RTOOL_REQUIRED))
    package static let positional = Flags(rawValue: UInt32(RTOOL_POSITIONAL))
    package static let repeated = Flags(rawValue: UInt32(RTOOL_REPEATED))
    package static let advanced = Flags(rawValue: UInt32(RTOOL_ADVANCED))
    package static let logarithmic = Flags(rawValue: UInt32(RTOOL_LOGARITHMIC))
    package static let auto = Flags(rawValue: UInt32(RTOOL_AUTO))
    package static let none = Flags(rawValue: UInt32(RTOOL_NONE))
    package static let withAlpha = Flags(rawValue: UInt32(RTOOL_WITH_ALPHA))
    package static let onDemand = Flags(rawValue: UInt32(RTOOL_ON_DEMAND))
    /// All words that follow, unread; of the program's own commands alone.
    package static let words = Flags(rawValue: 1 << 31)
  }

  package struct Choice: Sendable {
    package let name: String
    package let help: String
    package init(name: String, help: String) { (self.name, self.help) = (name, help) }
  }

  package var name: String
  package var kind: Kind
  package var help: String
  package var flags: Flags = []
  package var letter: Character?
  package var value: String?
  package var group: String?
  package var unit: String?
  package var choices: [Choice] = []
  package var initial = 0.0
  package var initialText: String?
  /// What `auto` comes to, where that is known beforehand.
  package var automatic: Double?
  package var limits: ClosedRange<Double>?
  /// Where values usually lie, as on a slider.
  package var softLimits: ClosedRange<Double>?
  /// The mask that it is for, where the host adds it to a mask of a task.
  package var mask: String?

  package init(name: String, kind: Kind, help: String, flags: Flags = []) {
    (self.name, self.kind, self.help, self.flags) = (name, kind, help, flags)
  }

  /// Whether a text can name a parameter or a result: at most 40 lower-case letters, digits and -, a letter first.
  package static func isName(_ text: String) -> Bool {
    text.first.map { ("a"..."z").contains($0) } == true && text.count <= 40
      && text.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" }
  }

  package var isPositional: Bool { flags.contains(.positional) }

  /// As the user writes it: `--name`, or NAME for a positional one.
  package var label: String { isPositional ? placeholder : "--\(name)" }

  package var placeholder: String {
    if let value { return value }
    if isPositional { return name.uppercased() }
    return kind == .choice ? choices.map(\.name).joined(separator: "|") : kind.placeholder
  }

  /// The initial value as the user would write it; nil where there is none worth showing.
  package var initialDescription: String? {
    switch kind {
    case .bool: initial != 0 ? "on" : nil
    case .int, .real: flags.contains(.auto) ? "auto" : numberText(initial)
    case .choice: choices.indices.contains(Int(initial)) ? choices[Int(initial)].name : nil
    case .classes: initialText ?? (flags.contains(.auto) ? "auto" : nil)
    default: initialText
    }
  }
}

/// A number as people write it: no needless ".0".
package func numberText(_ number: Double) -> String {
  number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
}
