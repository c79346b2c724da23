/// One unit of a layer.
public struct Feature: Sendable, Equatable {
  /// nil: the pooled representation.
  public let layer: String?
  public let unit: Int

  public init(layer: String?, unit: Int) { (self.layer, self.unit) = (layer, unit) }
}

/// Names for the units of the representation, after the classes they raise.
///
/// The last linear layer tells what each unit adds to each class. How much a unit raises a class, relative to the other
/// classes, is its weight for the class less the mean of its weights for all. `flower` is the unit that raises the class
/// flower most, `flower-2` the second.
public struct FeatureDictionary {
  private let model: Model
  /// For each class, for each unit.
  private let relative: [[Float]]
  /// For each class, units from the one that raises it most.
  private let rankings: [[Int]]

  public init(_ host: Host) throws {
    model = host.model
    let weights = try model.classes.indices.map { try host.classWeights($0) }
    let count = weights[0].count
    let means = (0..<count).map { unit in weights.reduce(0) { $0 + $1[unit] } / Float(weights.count) }
    relative = weights.map { row in row.indices.map { row[$0] - means[$0] } }
    rankings = relative.map { row in row.indices.sorted { (row[$0], $1) > (row[$1], $0) } }
  }

  public var unitCount: Int { relative[0].count }

  /// Units of the representation from the one that raises a class most.
  public func units(raising classIndex: Int) -> [Int] { rankings[classIndex] }

  /// The classes that a unit of the representation raises most, relative to the others, with by how much.
  public func classesRaised(by unit: Int, count: Int = 3) -> [(name: String, weight: Float)] {
    let order = relative.indices.sorted { (relative[$0][unit], $1) > (relative[$1][unit], $0) }
    return order.prefix(count).filter { relative[$0][unit] > 0 }.map {
      (model.classes[$0], relative[$0][unit])
    }
  }

  /// The class that a unit of the representation raises most, and how many units raise it more.
  public func place(of unit: Int) -> (classIndex: Int, rank: Int) {
    let best = relative.indices.max { (relative[$0][unit], $1) < (relative[$1][unit], $0) }!
    return (best, rankings[best].firstIndex(of: unit)!)
  }

  /// What a user calls it: `flower-2`, or `layer3.1:17`.
  public func name(of feature: Feature) -> String {
    if let layer = feature.layer { return "\(layer):\(feature.unit)" }
    let (classIndex, rank) = place(of: feature.unit)
    return model.classes[classIndex] + (rank > 0 ? "-\(rank + 1)" : "")
  }

  /// Name, unit and what it raises, in one line.
  public func caption(of feature: Feature) -> String {
    if let layer = feature.layer { return "\(layer):\(feature.unit)" }
    let raised = classesRaised(by: feature.unit).map { "\($0.name) \(Text.fixed(Double($0.weight), 2))" }
    return "\(name(of: feature)) (unit \(feature.unit)): " + raised.joined(separator: ", ")
  }

  /// The unit a user means: by its number in the representation, by LAYER:NUMBER, or by the class it raises.
  /// - Throws: `TaskFailure.message` where there is none.
  public func feature(named text: String) throws -> Feature {
    if let unit = Int(text) { return try checked(Feature(layer: nil, unit: unit), text) }
    if let index = model.classes.firstIndex(of: text) { return Feature(layer: nil, unit: rankings[index][0]) }
    if let colon = text.lastIndex(of: ":"), let unit = Int(text[text.index(after: colon)...]) {
      let layer = try model.layer(named: String(text[..<colon]))
      return try checked(Feature(layer: layer.reduction == 0 ? nil : layer.name, unit: unit), text)
    }
    if let dash = text.lastIndex(of: "-"), let rank = Int(text[text.index(after: dash)...]),
      let index = model.classes.firstIndex(of: String(text[..<dash]))
    {
      guard (1...unitCount).contains(rank) else {
        throw TaskFailure.message("there are \(unitCount) units, so no \(Text.printable(text))")
      }
      return Feature(layer: nil, unit: rankings[index][rank - 1])
    }
    throw TaskFailure.message(
      "\(Text.printable(text)) is no feature; give a class (flower, flower-2), a unit (17) or LAYER:UNIT "
        + "(\(model.layers[0].name):17)")
  }

  private func checked(_ feature: Feature, _ text: String) throws -> Feature {
    let count = try feature.layer.map { try model.layer(named: $0).channels } ?? unitCount
    guard (0..<count).contains(feature.unit) else {
      let layer = feature.layer ?? "the representation"
      throw TaskFailure.message("\(Text.printable(text)): the units of \(layer) are 0 to \(count - 1)")
    }
    return feature
  }
}

extension Model {
  /// - Throws: `TaskFailure.message` where there is none, with those there are.
  public func layer(named name: String) throws -> Layer {
    if let layer = layers.first(where: { $0.name == name }) { return layer }
    let names = layers.map(\.name).joined(separator: ", ")
    throw TaskFailure.message("there is no layer \(Text.printable(name)); the model has \(names)")
  }

  /// The deepest layer with positions; the representation is the mean over them, channel by channel.
  public var deepest: Layer? { layers.last { $0.reduction > 0 } }
}
