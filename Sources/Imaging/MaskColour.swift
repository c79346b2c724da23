/// A colour in a mask: red, green and blue, 0...255.
struct MaskColour: Sendable, Equatable {
  var red, green, blue: Float

  static let black = MaskColour(red: 0, green: 0, blue: 0)

  var largest: Float { max(red, green, blue) }
  var smallest: Float { min(red, green, blue) }
  var isBlack: Bool { largest <= 48 }
  var isWhite: Bool { smallest >= 216 }

  /// The Euclidean distance, 0...442.
  func distance(to other: MaskColour) -> Float {
    let (r, g, b) = (red - other.red, green - other.green, blue - other.blue)
    return (r * r + g * g + b * b).squareRoot()
  }

  /// The word for it: "red", "dark green", ...
  var word: String {
    if isBlack { return "black" }
    if isWhite { return "white" }
    let spread = largest - smallest
    if spread < 0.12 * largest || spread < 16 { return "grey" }
    if hue < 50, hue >= 15, largest < 170 { return "brown" }
    let name = Self.hues.first { hue < $0.end }?.name ?? "red"
    if name == "red", smallest > 110 { return "pink" }
    return name
  }

  /// "red (#ff0000)"
  var description: String { "\(word) (\(code))" }

  var code: String {
    "#"
      + [red, green, blue].map { part in
        let digits = String(Int(min(max(part.rounded(), 0), 255)), radix: 16)
        return digits.count < 2 ? "0" + digits : digits
      }.joined()
  }

  /// 0 red, 120 green, 240 blue, below 360.
  private var hue: Float {
    let spread = largest - smallest
    let turn =
      if largest == red {
        (green - blue) / spread
      } else if largest == green {
        (blue - red) / spread + 2
      } else {
        (red - green) / spread + 4
      }
    return turn < 0 ? 60 * turn + 360 : 60 * turn
  }

  private static let hues: [(end: Float, name: String)] = [
    (15, "red"), (45, "orange"), (70, "yellow"), (160, "green"), (200, "cyan"), (258, "blue"),
    (315, "purple"),
    (345, "pink"), (361, "red"),
  ]

  /// What a name stands for where the mask has no colour that the word says.
  static let named: [(name: String, colour: MaskColour)] = [
    ("black", black), ("white", MaskColour(red: 255, green: 255, blue: 255)),
    ("grey", MaskColour(red: 128, green: 128, blue: 128)), ("red", MaskColour(red: 255, green: 0, blue: 0)),
    ("orange", MaskColour(red: 255, green: 165, blue: 0)),
    ("yellow", MaskColour(red: 255, green: 255, blue: 0)),
    ("green", MaskColour(red: 0, green: 255, blue: 0)), ("cyan", MaskColour(red: 0, green: 255, blue: 255)),
    ("blue", MaskColour(red: 0, green: 0, blue: 255)), ("purple", MaskColour(red: 160, green: 32, blue: 240)),
    ("pink", MaskColour(red: 255, green: 0, blue: 255)), ("brown", MaskColour(red: 140, green: 80, blue: 30)),
  ]

  /// Other words for the same.
  static let synonyms = [
    "gray": "grey", "magenta": "pink", "violet": "purple", "turquoise": "cyan", "teal": "cyan",
    "lime": "green",
  ]
}

/// A colour that the user names: by a word, or exactly.
public struct NamedColour: Sendable, Equatable {
  /// As the user wrote it.
  public let text: String
  let word: String?
  let colour: MaskColour

  /// - Parameter text: a word of `words`, #rgb or #rrggbb. nil: it is none.
  public init?(_ text: String) {
    self.text = text
    let word = MaskColour.synonyms[text.lowercased()] ?? text.lowercased()
    if let named = MaskColour.named.first(where: { $0.name == word }) {
      (self.word, colour) = (word, named.colour)
      return
    }
    let digits = text.dropFirst()
    guard text.hasPrefix("#"), [3, 6].contains(digits.count), digits.allSatisfy(\.isHexDigit),
      let value = Int(digits, radix: 16)
    else { return nil }
    let parts = [2, 1, 0].map { digits.count == 6 ? value >> (8 * $0) & 255 : (value >> (4 * $0) & 15) * 17 }
    self.word = nil
    colour = MaskColour(red: Float(parts[0]), green: Float(parts[1]), blue: Float(parts[2]))
  }

  public static var words: [String] { MaskColour.named.map(\.name) }
}
