import RobustRuntime
import WorkerProtocol

/// What there is to choose from.
enum WorkerModels {
  static func all() -> [ModelDescription] {
    let usual = try? ModelSearch.find(nil)
    return ModelSearch.candidates().compactMap { name, source in
      guard let facts = try? ModelSearch.facts(source) else { return nil }
      return ModelDescription(name: name, isDefault: source == usual, classes: facts.classes)
    }
  }

  /// The units of the default model's representation.
  static func features() throws -> [NamedThing] {
    let classifier = try ModelSearch.load(ModelSearch.find(nil))
    let names = FeatureNames(classifier)
    let classes = classifier.facts.classes
    let units = names.unitCount
    return (0..<units).map { unit in
      let raised = names.classesRaised(by: unit).prefix(3).map { classes[$0.index] }
      return NamedThing(
        name: names.name(of: .init(layer: nil, unit: unit)),
        caption: "raises \(raised.joined(separator: ", "))")
    }
  }
}
