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

  /// The header by which a browser saves a file under such a name (RFC 6266).
  package static func attachment(_ name: String) -> String {
    let plain = String(name.map { $0.isASCII ? $0 : "_" })
    let hexadecimal = name.utf8.map { byte in
      let character = Character(Unicode.Scalar(byte))
      if character.isASCII, isPlain(character) { return String(character) }
      return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(hexadecimal.joined())"
  }

  /// `photo` and `.jpg`.
  package static func parts(of name: String) -> (stem: String, ending: String) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
    return (String(name[..<dot]), String(name[dot...]))
  }
}
