/// The name of a file with fields that stand for parts of an input's name: 'out/{stem}-{task}.png'.
struct NameTemplate {
  enum Field: String, CaseIterable {
    case stem, name, dir, ext, index, task

    var text: String { "{\(rawValue)}" }
  }

  private enum Piece {
    case text(String)
    case field(Field)
    /// "{dir}/", which is nothing where there is no folder.
    case parent
  }

  private let pieces: [Piece]
  private let label: String

  /// - Parameter label: the option that the text is given to.
  /// - Throws: `Failure` of usage where it has a field that is not known.
  init(_ text: String, label: String) throws {
    var pieces: [Piece] = []
    var plain = ""
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == rest.first, character == "{" || character == "}" {
        plain.append(character)
        rest.removeFirst()
      } else if character == "{" {
        let name = rest.prefix { $0 != "}" && $0 != "{" }
        guard let field = Field(rawValue: String(name)), rest.dropFirst(name.count).first == "}" else {
          throw Failure.usage(
            "\(label) has an unknown field in \(quoted(text)); there are "
              + "\(Field.allCases.map(\.text).joined(separator: " ")), and {{ is a brace")
        }
        rest = rest.dropFirst(name.count + 1)
        let isParent = field == .dir && rest.first == "/"
        if isParent { rest.removeFirst() }
        pieces += [.text(plain), isParent ? .parent : .field(field)]
        plain = ""
      } else {
        plain.append(character)
      }
    }
    self.pieces = pieces + [.text(plain)]
    self.label = label
  }

  /// Whether a text has a field that is known.
  static func hasField(_ text: String) -> Bool { Field.allCases.contains { text.contains($0.text) } }

  var hasFields: Bool { pieces.contains { if case .text = $0 { false } else { true } } }

  /// - Throws: `Failure` of usage where a field is of a name, and the input has none.
  func filled(_ input: BatchInput, task: String) throws -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .text(let plain): text += plain
      case .field(let field): text += try value(of: field, input, task)
      case .parent:
        let folder = try value(of: .dir, input, task)
        text += folder == "." ? "" : "\(folder)/"
      }
    }
    // Alone it would be standard output.
    return text == "-" ? "./-" : text
  }

  private func value(of field: Field, _ input: BatchInput, _ task: String) throws -> String {
    switch field {
    case .index: return "\(input.index)"
    case .task: return task
    default: break
    }
    guard let path = input.path else {
      throw Failure.usage(
        "\(label) has the field \(field.text), and input \(input.index) has no image that would have a name; use {index}"
      )
    }
    let name = fileName(of: path)
    // A name that begins with its only dot has no ending.
    let dot = name.lastIndex(of: ".").flatMap { $0 == name.startIndex ? nil : $0 }
    switch field {
    case .name: return String(name)
    case .dir: return input.directory
    case .ext: return dot.map { String(name[name.index(after: $0)...]) } ?? ""
    default: return String(dot.map { name[..<$0] } ?? name)
    }
  }
}
