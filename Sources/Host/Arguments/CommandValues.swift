/// The values of a built-in command's options, by name.
struct CommandValues {
  private let parsed: ParsedArguments
  private let parameters: [String: Parameter]

  init(_ parsed: ParsedArguments, _ parameters: [Parameter]) {
    self.parsed = parsed
    self.parameters = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
  }

  private func value(_ name: String) throws -> TypedValue {
    try parameters[name]!.value(of: parsed.texts[name] ?? [], given: true) { [] }
  }

  /// nil: auto.
  func optional(_ name: String) throws -> Double? { try value(name).numbers.first }
  func number(_ name: String) throws -> Double { try optional(name)! }
  func int(_ name: String) throws -> Int { Int(try number(name)) }
  func isOn(_ name: String) throws -> Bool { try number(name) != 0 }
  func choice(_ name: String) throws -> String { parameters[name]!.choices[try int(name)].name }
  func texts(_ name: String) throws -> [String] { try value(name).texts }
  func text(_ name: String) throws -> String? { try texts(name).last }
  /// Whether the user wrote it.
  func isGiven(_ name: String) -> Bool { parsed.texts[name] != nil }
}

extension Parameter {
  /// An option of a built-in command.
  static func option(
    _ name: String, _ kind: Kind, letter: Character? = nil, value: String? = nil, group: String? = nil,
    choices: [String] = [], flags: Flags = [], initial: Double = 0, initialText: String? = nil,
    limits: ClosedRange<Double>? = nil, _ help: String
  ) -> Parameter {
    var parameter = Parameter(name: name, kind: kind, help: help, flags: flags)
    (parameter.letter, parameter.value, parameter.group) = (letter, value, group)
    parameter.choices = choices.map { .init(name: $0, help: "") }
    (parameter.initial, parameter.initialText, parameter.limits) = (initial, initialText, limits)
    return parameter
  }
}

extension [Parameter] {
  /// The same under a heading of help.
  func grouped(_ heading: String) -> [Parameter] {
    map { parameter in
      var parameter = parameter
      parameter.group = heading
      return parameter
    }
  }
}
