/// A name for a file that is no path, hides nothing, and needs no quotes in a shell: of what a browser says, letters,
/// digits, `.`, `-` and `_`, a letter or a digit first.
package struct SafeName {
  package let text: String

  package init(_ name: String) {
    let base = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
    var text = String(
      base.map { Self.isPlain($0) ? $0 : "-" }.drop { !($0.isLetter || $0.isNumber) })
    if text.count > 80 { text = String(text.suffix(80).drop { !($0.isLetter || $0.isNumber) }) }
    self.text = text.isEmpty ? "image" : text
  }

  private static func isPlain(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || ".-_".contains(character))
  }

  /// `photo` and `.jpg`.
  package static func parts(of name: String) -> (stem: String, ending: String) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
    return (String(name[..<dot]), String(name[dot...]))
  }
}
