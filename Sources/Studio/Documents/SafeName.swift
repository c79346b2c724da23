/// A name for a file that is no path and hides nothing: of what a browser says, letters,
/// digits, `.`, `-` and `_`, a letter or a digit first.
package struct SafeName {
  package let text: String

  package init(_ name: String) {
    let base = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
    var text = String(
      base.map { Self.isPlain($0) ? $0 : "-" }.drop { !($0.isLetter || $0.isNumber) })
    while text.count > 80 || text.utf8.count > 120 { text.removeFirst() }
    text = String(text.drop { !($0.isLetter || $0.isNumber) })
    self.text = text.isEmpty ? "image" : text
  }

  private static func isPlain(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || ".-_".contains(character)
  }

  /// The header by which a browser shows or saves a file under such a name (RFC 6266).
  /// - Parameter way: `inline` or `attachment`.
  package static func disposition(_ way: String, _ name: String) -> String {
    let plain = String(name.map { $0.isASCII ? $0 : "_" })
    let encoded = percentEncoded(name) { isPlain(Character(Unicode.Scalar($0))) }
    return "\(way); filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
  }

  /// The name, or with a number where it is taken.
  static func free(_ name: String, isTaken: (String) -> Bool) -> String {
    let (stem, ending) = parts(of: name)
    var (free, number) = (name, 2)
    while isTaken(free) {
      free = "\(stem)-\(number)\(ending)"
      number += 1
    }
    return free
  }

  /// `photo` and `.jpg`.
  package static func parts(of name: String) -> (stem: String, ending: String) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
    return (String(name[..<dot]), String(name[dot...]))
  }
}

/// Text for a header, whose fields are of ASCII: bytes beyond that, and of it those that are not kept, as %XX.
func percentEncoded(_ text: String, keeping isKept: (UInt8) -> Bool) -> String {
  text.utf8.map { byte in
    byte < 0x80 && isKept(byte)
      ? String(UnicodeScalar(byte))
      : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }.joined()
}
