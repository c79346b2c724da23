import CRTool

extension Parameter where Value == String {
  /// A layer of the model by its name, `--layer`.
  /// - Parameter more: names besides those of the model's layers, with their help.
  public static func layer(_ help: String, or more: [(name: String, help: String)] = []) -> Parameter {
    var definition = ParameterDefinition(name: "layer", help: help, kind: RTOOL_LAYER, flags: .advanced)
    definition.initialText = "representation"
    definition.choices = more
    return Parameter(definition: definition) { String(cString: $0.texts[0]!) }
  }
}
