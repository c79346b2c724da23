extension Parameter where Value == String? {
  /// A layer of the model by its name, `--layer`; read it with `Values.layer`.
  public static func layer(_ help: String) -> Parameter {
    .text("layer", value: "NAME", flags: .advanced, initial: "representation", help)
  }
}

extension Values {
  /// The layer that the user named.
  /// - Parameter more: names besides those of the model's layers.
  /// - Throws: `TaskFailure.usage` where there is none of the name.
  public func layer(_ parameter: Parameter<String?>, of model: Model, or more: [String] = []) throws -> String
  {
    let names = model.layers.map(\.name) + more
    let name = self[parameter] ?? "representation"
    guard names.contains(name) else {
      throw TaskFailure.usage("the model has no layer “\(name)”; it has \(names.joined(separator: ", "))")
    }
    return name
  }
}
