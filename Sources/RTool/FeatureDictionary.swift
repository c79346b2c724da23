import CRTool

/// One unit of a layer.
public struct Feature: Sendable, Equatable {
  /// nil: the pooled representation.
  public let layer: String?
  public let unit: Int

  public init(layer: String?, unit: Int) { (self.layer, self.unit) = (layer, unit) }
}

/// Names for the units of the model, as the host gives them. See `rtool_feature`.
public struct FeatureDictionary {
  private let host: Host

  public init(_ host: Host) { self.host = host }

  /// Units of the representation.
  public var unitCount: Int { host.model.layers.last!.channels }

  /// The classes that a unit of the representation raises most, relative to the others, with by how much.
  public func classesRaised(by unit: Int, count: Int = 3) throws -> [(name: String, weight: Float)] {
    let classes = host.model.classes
    var found = [WeightedClass](repeating: WeightedClass(), count: count)
    let written = try with(Feature(layer: nil, unit: unit)) { feature in
      try host.later(\.feature_classes, since: 3)(host.table, feature, UInt32(count), &found)
    }
    return found.prefix(Int(written)).map { (classes[Int($0.index)], Float($0.weight)) }
  }

  /// The class that a unit of the representation raises most, and how many units raise it more.
  public func place(of unit: Int) throws -> (classIndex: Int, rank: Int) {
    let feature = try found("\(unit)")
    return (Int(feature.class_index), Int(feature.rank))
  }

  /// What a user calls it: `flower-2`, or `layer3.1:17`.
  public func name(of feature: Feature) throws -> String {
    let name = try with(feature) { try host.later(\.feature_name, since: 3)(host.table, $0) }
    guard let name else { throw TaskFailure.reported(status: Int32(RTOOL_FAILED)) }
    return String(cString: name)
  }

  /// Name, unit and what it raises, in one line.
  public func caption(of feature: Feature) throws -> String {
    if feature.layer != nil { return try name(of: feature) }
    let raised = try classesRaised(by: feature.unit).map { "\($0.name) \(Text.fixed(Double($0.weight), 2))" }
    return "\(try name(of: feature)) (unit \(feature.unit)): " + raised.joined(separator: ", ")
  }

  /// The unit a user means: by its number in the representation, by LAYER:NUMBER, or by the class it raises.
  /// - Throws: where there is none; the user is told which there are.
  public func feature(named text: String) throws -> Feature {
    let feature = try found(text)
    return Feature(layer: feature.layer.map { String(cString: $0) }, unit: Int(feature.unit))
  }

  private func found(_ text: String) throws -> rtool_feature {
    var feature = rtool_feature()
    try host.check(host.later(\.feature_find, since: 3)(host.table, text, &feature))
    return feature
  }

  private func with<Result>(_ feature: Feature, _ body: (UnsafePointer<rtool_feature>) throws -> Result)
    throws
    -> Result
  {
    var bridged = rtool_feature()
    bridged.layer = try feature.layer.map(host.copied)
    bridged.unit = Int32(feature.unit)
    return try body(&bridged)
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
