import WorkerProtocol

/// What a task takes as JSON Schema (2020-12), from its manifest.
package struct TaskSchema {
  package let task: TaskDescription

  package init(_ task: TaskDescription) { self.task = task }

  /// Options that a request may have besides the task's own.
  static let hostOptions = CommandWords.hostOptions.union(["count", "json"]).subtracting(["max-pixels"])

  private var parameters: [ParameterDescription] {
    task.parameters.filter { !$0.isHost || Self.hostOptions.contains($0.name) }
  }

  /// The schema of the form that asks for the task.
  package var form: JSONNode {
    var properties: [String: JSONNode] = [:]
    for parameter in parameters { properties[parameter.name] = Self.schema(of: parameter) }
    var schema: JSONNode = [
      "type": "object", "properties": .object(properties), "additionalProperties": false,
    ]
    let required = parameters.filter { $0.has("required") }.map { JSONNode.text($0.name) }
    if !required.isEmpty { schema["required"] = .array(required) }
    return schema
  }

  /// As the list of tasks has it.
  var listed: JSONNode {
    [
      "name": .text(task.name), "version": .text(task.version), "summary": .text(task.summary),
      "description": .text(task.description), "makesImage": .flag(task.makesImage),
      "needsImage": .flag(task.needsImage),
      "presets": .array(
        task.presets.map { preset in
          [
            "name": .text(preset.name), "help": .text(preset.help),
            "settings": .object(preset.settings.mapValues { .text($0) }),
          ]
        }),
      "parameters": form,
    ]
  }

  private static func schema(of parameter: ParameterDescription) -> JSONNode {
    var schema = value(of: parameter)
    var words: [JSONNode] = []
    if parameter.has("auto") { words.append("auto") }
    if parameter.has("none") { words.append("none") }
    if !words.isEmpty { schema = ["anyOf": [schema, ["enum": .array(words)]]] }
    if parameter.has("repeated") {
      schema = ["anyOf": [schema, ["type": "array", "items": schema]]]
    }
    var help = parameter.help
    if let unit = parameter.unit { help += " (\(unit))" }
    if !parameter.choices.isEmpty {
      let told = parameter.choices.filter { !$0.help.isEmpty }.map { "\($0.name): \($0.help)" }
      if !told.isEmpty { help += "; \(told.joined(separator: ", "))" }
    }
    schema["description"] = .text(help)
    if let initial = parameter.initial.flatMap({ Self.initial($0, of: parameter) }) {
      schema["default"] = initial
    }
    return schema
  }

  private static func value(of parameter: ParameterDescription) -> JSONNode {
    var schema: JSONNode
    switch parameter.kind {
    case "bool": return ["type": "boolean"]
    case "int": schema = ["type": "integer"]
    case "real": schema = ["type": "number"]
    case "choice": return ["type": "string", "enum": .array(parameter.choices.map { .text($0.name) })]
    case "image", "mask": return ["type": "string", "format": "binary", "contentMediaType": "image/*"]
    case "file":
      return ["type": "string", "format": "binary", "contentMediaType": "application/octet-stream"]
    case "color": return ["type": "string", "examples": ["#ff8000", "255,128,0"]]
    case "point": return ["type": "string", "examples": ["120,80"]]
    case "box": return ["type": "string", "examples": ["120,80,300,200"]]
    default: return ["type": "string"]
    }
    if let least = parameter.min, least.isFinite { schema["minimum"] = .number(least) }
    if let most = parameter.max, most.isFinite { schema["maximum"] = .number(most) }
    return schema
  }

  /// The initial value, if it is one of the schema's.
  private static func initial(_ text: String, of parameter: ParameterDescription) -> JSONNode? {
    if text == "auto", parameter.has("auto") { return "auto" }
    if text == "none", parameter.has("none") { return "none" }
    switch parameter.kind {
    case "bool": return .flag(["on", "yes", "1", "true"].contains(text))
    case "int": return Int(text).map { .number(Double($0)) }
    case "real": return Double(text).map { .number($0) }
    case "choice": return parameter.choices.contains { $0.name == text } ? .text(text) : nil
    case "image", "mask", "file": return nil
    default: return .text(text)
    }
  }
}
