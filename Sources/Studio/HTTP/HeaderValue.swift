/// A value of a header field with parameters, such as `multipart/form-data; boundary=x` (RFC 9110, 5.6.6).
package struct HeaderValue: Sendable {
  /// What stands before the parameters, in small letters.
  package let value: String
  private let parameters: [(name: String, value: String)]

  /// - Returns: nil where the text is none.
  package init?(_ text: String) {
    var rest = text.unicodeScalars[...]
    func skipSpace() { rest = rest.drop { $0 == " " || $0 == "\t" } }
    func word(until stops: String) -> String {
      let word = rest.prefix { !stops.unicodeScalars.contains($0) }
      rest = rest[word.endIndex...]
      return String(word)
    }
    func trimmed(_ text: String) -> String {
      String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
    value = trimmed(word(until: ";")).lowercased()
    var parameters: [(name: String, value: String)] = []
    while rest.popFirst() != nil {
      skipSpace()
      if rest.isEmpty || rest.first == ";" { continue }
      let name = trimmed(word(until: "=;")).lowercased()
      guard rest.popFirst() == "=", !name.isEmpty else { return nil }
      skipSpace()
      if rest.first == "\"" {
        rest.removeFirst()
        guard let quoted = Self.quoted(&rest) else { return nil }
        parameters.append((name, quoted))
        skipSpace()
        guard rest.isEmpty || rest.first == ";" else { return nil }
      } else {
        parameters.append((name, trimmed(word(until: ";"))))
      }
    }
    guard !value.isEmpty else { return nil }
    self.parameters = parameters
  }

  /// The first parameter of this name.
  package subscript(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

  /// Reads to behind the closing quote. A backslash stands for the quote or the backslash behind it, and before all else for
  /// itself, as browsers send the paths of Windows.
  private static func quoted(_ rest: inout Substring.UnicodeScalarView) -> String? {
    var text = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" { return String(text) }
      if scalar == "\\", let next = rest.first, next == "\"" || next == "\\" {
        text.append(next)
        rest.removeFirst()
      } else {
        text.append(scalar)
      }
    }
    return nil
  }
}
