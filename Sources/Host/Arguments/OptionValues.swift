/// The values of a command's own options, all of them checked.
struct OptionValues {
  private var values: [String: TypedValue] = [:]
  /// What the user wrote, by the option's name.
  let texts: [String: [String]]

  /// - Throws: `Failure` of usage that names an option whose value cannot be.
  init(_ parsed: ParsedArguments, _ parameters: [CommandParameter]) throws {
    texts = parsed.texts
    for parameter in parameters {
      values[parameter.name] = try parameter.value(of: texts[parameter.name] ?? [], given: true) { [] }
    }
  }

  /// The value that the user gave, else the initial one.
  subscript<Value>(_ option: Option<Value>) -> Value {
    option.read(values[option.parameter.name] ?? TypedValue(numbers: [option.parameter.initial]))
  }

  /// Whether the user wrote it.
  func isGiven(_ option: some DeclaredOption) -> Bool { texts[option.parameter.name] != nil }
}
