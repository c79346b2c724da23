import CRTool

/// The options that ascents have in common, as one parameter of a task. See RTOOL_ASCENT: the host adds the options to the
/// command, explains and checks them.
public struct AscentOptions: Sendable {
  private let definition: ParameterDefinition

  /// - Parameters:
  ///   - settings: what they are where the user says nothing, as in "steps=60 step-size=1 radius=25". Lengths are for the
  ///     L2 set at 224x224 pixels.
  ///   - offered: the names of those that the user may give, parted by spaces; empty: all.
  ///   - help: what stands in the place of the usual help of an offered option.
  public init(
    _ settings: String, group: String? = nil, offering offered: String = "", help: [String: String] = [:]
  ) {
    var definition = ParameterDefinition(name: "ascent", help: "the options of an ascent", kind: RTOOL_ASCENT)
    definition.initialText = settings
    definition.group = group
    definition.choices = offered.split(separator: " ").map { (String($0), help[String($0)] ?? "") }
    self.definition = definition
  }

  public var definitions: [any TaskParameter] { [definition] }

  /// The ascent for images of this size.
  /// - Throws: a usage failure where the options contradict one another.
  public func ascent(_ values: Values, width: Int, height: Int) throws -> Ascent {
    var ascent = Ascent(steps: 0, stepSize: 0)
    ascent.fields.struct_size = UInt32(MemoryLayout<rtool_ascent>.size)
    try read(values, width: width, height: height, &ascent.fields, nil)
    return ascent
  }

  /// The term that --smoothness asks for.
  /// - Parameter regions: where it counts, as in `Term.Kind.smoothness`.
  public func smoothnessTerms(_ values: Values, regions: [Image] = []) throws -> [Term] {
    var unused = Ascent(steps: 0, stepSize: 0).fields
    unused.struct_size = UInt32(MemoryLayout<rtool_ascent>.size)
    var weight = 0.0
    try read(values, width: 224, height: 224, &unused, &weight)
    return weight > 0 ? [Term(weight, .smoothness(regions: regions))] : []
  }

  /// Whether the user gave one of the options.
  public func isGiven(_ name: String, _ values: Values) throws -> Bool {
    let host = values.host
    return try host.later(\.ascent_option, since: 3)(host.table, values.pointer(to: definition), name, nil)
      == 1
  }

  /// One of the options: a choice is its index; nil: auto.
  public func number(_ name: String, _ values: Values) throws -> Double? {
    let host = values.host
    var number = 0.0
    _ = try host.later(\.ascent_option, since: 3)(host.table, values.pointer(to: definition), name, &number)
    return number.isNaN ? nil : number
  }

  private func read(
    _ values: Values, width: Int, height: Int, _ ascent: inout rtool_ascent,
    _ smoothness: UnsafeMutablePointer<Double>?
  ) throws {
    let host = values.host
    try host.check(
      host.later(\.ascent_options, since: 3)(
        host.table, values.pointer(to: definition), Int32(width), Int32(height), &ascent, smoothness))
  }

  /// What an L2 length for 224x224 pixels is multiplied with at another size.
  public static func scale(width: Int, height: Int) -> Double {
    (Double(width) * Double(height)).squareRoot() / 224
  }
}
