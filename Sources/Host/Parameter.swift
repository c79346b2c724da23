import CRTool

/// One parameter of a command: a plugin's, or an option of the host's own. All that the user sees of it (parsing,
/// help, errors, manual) is made from here.
struct Parameter: Sendable {
  enum Kind: UInt32, Sendable {
    case bool, int, real, text, choice, image, mask, classes, color, point, box, file, layer

    /// Whether its texts are the names of files that are read.
    var isFile: Bool { [.image, .mask, .file].contains(self) }

    /// How many numbers make one value.
    var numbers: Int {
      switch self {
      case .bool, .int, .real, .choice: 1
      case .text, .image, .mask, .file, .layer: 0
      case .classes, .point: 2
      case .color: 3
      case .box: 4
      }
    }

    var placeholder: String {
      switch self {
      case .bool: ""
      case .int, .real: "N"
      case .text: "TEXT"
      case .choice: "CHOICE"
      case .image, .mask, .file: "FILE"
      case .layer: "NAME"
      case .classes: "CLASS"
      case .color: "COLOR"
      case .point: "X,Y"
      case .box: "X,Y,W,H"
      }
    }
  }

  struct Flags: OptionSet, Sendable {
    let rawValue: UInt32
    static let required = Flags(rawValue: UInt32(RTOOL_REQUIRED))
    static let positional = Flags(rawValue: UInt32(RTOOL_POSITIONAL))
    static let repeated = Flags(rawValue: UInt32(RTOOL_REPEATED))
    static let advanced = Flags(rawValue: UInt32(RTOOL_ADVANCED))
    static let auto = Flags(rawValue: UInt32(RTOOL_AUTO))
    static let none = Flags(rawValue: UInt32(RTOOL_NONE))
    static let withAlpha = Flags(rawValue: UInt32(RTOOL_WITH_ALPHA))
  }

  struct Choice: Sendable {
    let name: String
    let help: String
  }

  var name: String
  var kind: Kind
  var help: String
  var flags: Flags = []
  var letter: Character?
  var value: String?
  var group: String?
  var unit: String?
  var choices: [Choice] = []
  var initial = 0.0
  var initialText: String?
  /// What `auto` comes to, where that is known beforehand.
  var automatic: Double?
  var limits: ClosedRange<Double>?
  /// Where values usually lie, as on a slider.
  var softLimits: ClosedRange<Double>?

  var isPositional: Bool { flags.contains(.positional) }

  /// As the user writes it: `--name`, or NAME for a positional one.
  var label: String { isPositional ? placeholder : "--\(name)" }

  var placeholder: String {
    if let value { return value }
    if isPositional { return name.uppercased() }
    return kind == .choice ? choices.map(\.name).joined(separator: "|") : kind.placeholder
  }

  /// The initial value as the user would write it; nil where there is none worth showing.
  var initialDescription: String? {
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
func numberText(_ number: Double) -> String {
  number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
}
