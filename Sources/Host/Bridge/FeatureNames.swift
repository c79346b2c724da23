import CRTool
import RobustRuntime

/// Names for the units of the representation, after the classes they raise.
///
/// The last linear layer tells what each unit adds to each class. How much a unit raises a class, relative to the other
/// classes, is its weight for the class less the mean of its weights for all. `flower` is the unit that raises the class
/// flower most, `flower-2` the second.
struct FeatureNames {
  struct Feature: Equatable {
    /// nil: the pooled representation.
    let layer: String?
    let unit: Int
  }

  private let facts: ModelFacts
  /// For each class, for each unit.
  private let relative: [[Float]]
  /// For each class, units from the one that raises it most.
  private let rankings: [[Int]]

  init(_ classifier: Classifier) {
    facts = classifier.facts
    let weights = facts.classes.indices.map { classifier.classWeights($0)! }
    let count = weights[0].count
    let means = (0..<count).map { unit in weights.reduce(0) { $0 + $1[unit] } / Float(weights.count) }
    relative = weights.map { row in row.indices.map { row[$0] - means[$0] } }
    rankings = relative.map { row in row.indices.sorted { (row[$0], $1) > (row[$1], $0) } }
  }

  var unitCount: Int { relative[0].count }

  /// The classes that a unit of the representation raises, relative to the others, with by how much, from the most on.
  func classesRaised(by unit: Int) -> [(index: Int, weight: Float)] {
    let order = relative.indices.sorted { (relative[$0][unit], $1) > (relative[$1][unit], $0) }
    return order.filter { relative[$0][unit] > 0 }.map { ($0, relative[$0][unit]) }
  }

  /// The class that a unit of the representation raises most, and how many units raise it more.
  func place(of unit: Int) -> (classIndex: Int, rank: Int) {
    let best = relative.indices.max { (relative[$0][unit], $1) < (relative[$1][unit], $0) }!
    return (best, rankings[best].firstIndex(of: unit)!)
  }

  /// What a user calls it: `flower-2`, or `layer3.1:17`.
  func name(of feature: Feature) -> String {
    if let layer = feature.layer { return "\(layer):\(feature.unit)" }
    let (classIndex, rank) = place(of: feature.unit)
    return facts.classes[classIndex] + (rank > 0 ? "-\(rank + 1)" : "")
  }

  /// The unit a user means: by its number in the representation, by LAYER:NUMBER, or by the class it raises.
  func feature(named text: String) throws -> Feature {
    if let unit = Int(text) { return try checked(Feature(layer: nil, unit: unit), text) }
    if let index = facts.classes.firstIndex(of: text) { return Feature(layer: nil, unit: rankings[index][0]) }
    if let colon = text.lastIndex(of: ":"), let unit = Int(text[text.index(after: colon)...]) {
      let layer = try facts.layer(named: String(text[..<colon]))
      return try checked(Feature(layer: layer.reduction == 0 ? nil : layer.name, unit: unit), text)
    }
    if let dash = text.lastIndex(of: "-"), let rank = Int(text[text.index(after: dash)...]),
      let index = facts.classes.firstIndex(of: String(text[..<dash]))
    {
      guard (1...unitCount).contains(rank) else {
        throw Failure.failed("there are \(unitCount) units, so no \(text)")
      }
      return Feature(layer: nil, unit: rankings[index][rank - 1])
    }
    throw Failure.failed(
      "\(text) is no feature; give a class (flower, flower-2), a unit (17) or LAYER:UNIT (\(facts.layers[0].name):17)"
    )
  }

  /// - Throws: where the model has no such unit.
  func checked(_ feature: Feature, _ text: String) throws -> Feature {
    let count = try feature.layer.map { try facts.layer(named: $0).channels } ?? unitCount
    guard (0..<count).contains(feature.unit) else {
      throw Failure.failed(
        "\(text): the units of \(feature.layer ?? "the representation") are 0 to \(count - 1)")
    }
    return feature
  }
}

extension ModelFacts {
  fileprivate func layer(named name: String) throws -> LayerFacts {
    if let layer = layers.first(where: { $0.name == name }) { return layer }
    let names = layers.map(\.name).joined(separator: ", ")
    throw Failure.failed("there is no layer \(name); the model has \(names)")
  }
}

extension Run {
  func addFeatureNames(to host: inout rtool_host) {
    host.feature_find = { host, text, out in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let text, let out else { throw Failure.misuse("a feature without a name was asked for") }
        let names = HostState.of(host).featureNames
        let feature = try names.feature(named: String(cString: text))
        let place = feature.layer == nil ? names.place(of: feature.unit) : (classIndex: -1, rank: 0)
        out.pointee = rtool_feature(
          layer: try feature.layer.map { try run.copy($0) }, unit: Int32(feature.unit),
          class_index: Int32(place.classIndex), rank: Int32(place.rank), reserved: 0)
      }
    }
    host.feature_name = { host, feature in
      let run = Run.of(host)
      var name: UnsafePointer<CChar>?
      _ = run.statusOnRunThread {
        let names = HostState.of(host).featureNames
        name = try run.copy(names.name(of: names.known(feature)))
      }
      return name
    }
    host.feature_classes = { host, feature, count, out in
      let run = Run.of(host)
      var written = 0
      _ = run.statusOnRunThread {
        let names = HostState.of(host).featureNames
        let feature = try names.known(feature)
        guard feature.layer == nil, let out else { return }
        for (index, weight) in names.classesRaised(by: feature.unit).prefix(Int(count)) {
          out[written] = rtool_class_weight(index: Int32(index), weight: Double(weight))
          written += 1
        }
      }
      return UInt32(written)
    }
  }
}

extension FeatureNames {
  fileprivate func known(_ pointer: UnsafePointer<rtool_feature>?) throws -> Feature {
    guard let feature = pointer?.pointee else { throw Failure.misuse("no feature was handed over") }
    return try checked(
      Feature(layer: feature.layer.map { String(cString: $0) }, unit: Int(feature.unit)), "a feature")
  }
}
