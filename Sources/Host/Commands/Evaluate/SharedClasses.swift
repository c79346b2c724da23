import RobustRuntime

/// The classes that the data and all models know, or those that were asked for: each model is asked for these
/// alone.
struct SharedClasses {
  /// In the data's order.
  let names: [String]
  private let data: [String]

  /// - Throws: `Failure` if there are fewer than two, or one that was asked for is not known to all.
  init(data: [String], models: [EvaluatedModel], wanted: [String]?) throws {
    self.data = data
    for name in wanted ?? [] {
      guard data.contains(name) else {
        throw Failure.failed(
          "--classes: the data have no class \(quoted(name))\(Suggestion.text(name, in: data))")
      }
      for model in models where !model.facts.classes.contains(name) {
        throw Failure.failed(
          "--classes: the model \(quoted(model.facts.name)) has no class \(quoted(name))"
            + Suggestion.text(name, in: model.facts.classes))
      }
    }
    let others = models.map { Set($0.facts.classes) }
    names = data.filter { name in
      others.allSatisfy { $0.contains(name) } && wanted?.contains(name) ?? true
    }
    guard names.count >= 2 else {
      let known = models.map { "\(quoted($0.facts.name)) knows \(Self.few($0.facts.classes))" }
      throw Failure.failed(
        "the data and the models share \(names.isEmpty ? "no class" : "one class alone, \(names[0])"): "
          + "the data have \(Self.few(data)); \(known.joined(separator: "; "))")
    }
  }

  /// Their indices among a model's classes; nil where they are just these.
  func indices(in classes: [String]) -> [Int]? {
    classes == names ? nil : names.map { name in classes.firstIndex(of: name)! }
  }

  /// What people should know about whose classes are not used.
  func notes(_ models: [EvaluatedModel]) -> [String] {
    let sides = [("the data", data)] + models.map { (quoted($0.facts.name), $0.facts.classes) }
    return sides.filter { $0.1.count > names.count }.map {
      "\(names.count) of the \($0.1.count) classes of \($0.0) are used, and logits of these alone compared"
    }
  }

  private static func few(_ names: [String]) -> String {
    let shown = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
