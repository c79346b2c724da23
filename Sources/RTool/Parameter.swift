import CRTool

/// One parameter of a task, whose values read as `Value`.
///
/// Declare parameters as constants at the top of the plugin, list them in its `Manifest`, and read them with
/// `values[parameter]`. The host parses and checks; a task never checks again.
public struct Parameter<Value>: TaskParameter {
  public let definition: ParameterDefinition
  let read: @Sendable (rtool_value) -> Value
}

/// A parameter of any type, as a manifest lists it.
public protocol TaskParameter: Sendable {
  var definition: ParameterDefinition { get }
}

/// What the host is told of a parameter. See `rtool_param` for the meaning of each field.
public struct ParameterDefinition: TaskParameter {
  public var definition: ParameterDefinition { self }
  public var name: String
  public var help: String
  public var kind: Int
  public var flags: Flags = []
  public var letter: Character?
  public var value: String?
  public var group: String?
  public var unit: String?
  public var initial = 0.0
  public var initialText: String?
  public var choices: [(name: String, help: String)] = []
  public var limits: ClosedRange<Double>?
  public var softLimits: ClosedRange<Double>?
  public var step = 0.0

  /// The lowest minor version of the interface that has its kind.
  var needs: Int { flags.contains(.onDemand) ? 4 : kind >= RTOOL_FILE ? 3 : 1 }

  public struct Flags: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let required = Flags(rawValue: RTOOL_REQUIRED)
    public static let positional = Flags(rawValue: RTOOL_POSITIONAL)
    public static let repeated = Flags(rawValue: RTOOL_REPEATED)
    public static let advanced = Flags(rawValue: RTOOL_ADVANCED)
    public static let logarithmic = Flags(rawValue: RTOOL_LOGARITHMIC)
    public static let withAlpha = Flags(rawValue: RTOOL_WITH_ALPHA)
    public static let onDemand = Flags(rawValue: RTOOL_ON_DEMAND)
    static let auto = Flags(rawValue: RTOOL_AUTO)
    static let none = Flags(rawValue: RTOOL_NONE)
  }
}

/// A rectangle in pixels.
public struct Box: Sendable, Equatable {
  public var x, y, width, height: Int
  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
  public var maxX: Int { x + width }
  public var maxY: Int { y + height }
}

/// A choice of the user's where the task may be left to decide.
public enum ClassChoice: Sendable {
  /// One class, or a mixture whose weights add up to 1.
  case mixture([WeightedClass])
  case auto
  case none
}

extension Parameter where Value == Bool {
  public static func flag(
    _ name: String, letter: Character? = nil, group: String? = nil, flags: ParameterDefinition.Flags = [],
    initial: Bool = false, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_BOOL, flags: flags, letter: letter, group: group)
    definition.initial = initial ? 1 : 0
    return Parameter(definition: definition) { $0.number != 0 }
  }
}

extension Parameter where Value == Int {
  public static func integer(
    _ name: String, letter: Character? = nil, group: String? = nil, unit: String? = nil,
    flags: ParameterDefinition.Flags = [], initial: Int, in limits: ClosedRange<Int>, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_INT, flags: flags, letter: letter, group: group, unit: unit)
    definition.initial = Double(initial)
    definition.limits = Double(limits.lowerBound)...Double(limits.upperBound)
    return Parameter(definition: definition) { Int($0.number) }
  }
}

extension Parameter where Value == Double {
  public static func real(
    _ name: String, letter: Character? = nil, group: String? = nil, unit: String? = nil,
    flags: ParameterDefinition.Flags = [], initial: Double, in limits: ClosedRange<Double>, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_REAL, flags: flags, letter: letter, group: group, unit: unit)
    definition.initial = initial
    definition.limits = limits
    return Parameter(definition: definition) { $0.number }
  }
}

extension Parameter where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
  /// One of the cases of an enumeration of strings, each with its help.
  public static func choice(
    _ name: String, letter: Character? = nil, group: String? = nil, flags: ParameterDefinition.Flags = [],
    initial: Value, help describe: (Value) -> String, _ help: String
  ) -> Parameter {
    let cases = Array(Value.allCases)
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_CHOICE, flags: flags, letter: letter, group: group)
    definition.choices = cases.map { ($0.rawValue, describe($0)) }
    definition.initial = Double(cases.firstIndex { $0.rawValue == initial.rawValue } ?? 0)
    return Parameter(definition: definition) { cases[Int($0.number)] }
  }
}

extension Parameter where Value == Image {
  /// An image that must be given, by its place. `withAlpha`: it has 4 channels where the file has transparency.
  public static func image(_ name: String, withAlpha: Bool = false, _ help: String) -> Parameter {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_IMAGE,
      flags: withAlpha ? [.required, .positional, .withAlpha] : [.required, .positional])
    return Parameter(definition: definition) { Image($0.images[0]!) }
  }
}

extension Parameter where Value == [Image] {
  /// One image or more, by their place: all that is left of the words. `values.names` tells their files.
  public static func images(_ name: String, group: String? = nil, required: Bool = true, _ help: String)
    -> Parameter
  {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_IMAGE,
      flags: required ? [.required, .positional, .repeated] : [.positional, .repeated], group: group)
    return Parameter(definition: definition, read: \.allImages)
  }

  /// Images that may be given by name, several times.
  public static func optionalImages(
    _ name: String, letter: Character? = nil, group: String? = nil, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(name: name, help: help, kind: RTOOL_IMAGE, flags: .repeated)
    definition.letter = letter
    definition.group = group
    return Parameter(definition: definition, read: \.allImages)
  }
}

extension Parameter where Value == Image? {
  /// An image that may be left out.
  public static func optionalImage(
    _ name: String, letter: Character? = nil, group: String? = nil, flags: ParameterDefinition.Flags = [],
    _ help: String
  ) -> Parameter {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_IMAGE, flags: flags, letter: letter, group: group)
    return Parameter(definition: definition, read: \.allImages.first)
  }

  public static func mask(_ name: String, letter: Character? = nil, group: String? = nil, _ help: String)
    -> Parameter
  {
    var definition = ParameterDefinition(name: name, help: help, kind: RTOOL_MASK)
    definition.letter = letter
    definition.group = group
    return Parameter(definition: definition, read: \.allImages.first)
  }
}

extension Parameter where Value == String? {
  /// A text. `initial` nil: it may be left out; the value is then nil, unless it is `.required`.
  public static func text(
    _ name: String, letter: Character? = nil, group: String? = nil, value: String? = nil,
    flags: ParameterDefinition.Flags = [], initial: String? = nil, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_TEXT, flags: flags, letter: letter, value: value, group: group)
    definition.initialText = initial
    return Parameter(definition: definition, read: \.firstText)
  }

  /// A file, whose content is recorded with the result; nil: it was not given.
  public static func file(
    _ name: String, letter: Character? = nil, group: String? = nil, flags: ParameterDefinition.Flags = [],
    _ help: String
  ) -> Parameter {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_FILE, flags: flags, letter: letter, group: group)
    return Parameter(definition: definition, read: \.firstText)
  }

  /// Another model, by its name or file, for `Host.with(model:)`; nil: it was not given.
  public static func model(_ name: String, letter: Character? = nil, group: String? = nil, _ help: String)
    -> Parameter
  {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_MODEL, letter: letter, group: group)
    return Parameter(definition: definition, read: \.firstText)
  }
}

extension Parameter where Value == Double? {
  /// A number, or nil for `auto`, which is what it is when it is not given.
  public static func automaticReal(
    _ name: String, letter: Character? = nil, group: String? = nil, unit: String? = nil,
    flags: ParameterDefinition.Flags = [], in limits: ClosedRange<Double>, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_REAL, flags: flags.union(.auto), letter: letter, group: group,
      unit: unit)
    definition.limits = limits
    // Not used, but it must lie within the limits.
    definition.initial = limits.lowerBound
    return Parameter(definition: definition) { $0.count > 0 ? $0.number : nil }
  }
}

extension Parameter where Value == Int? {
  /// A whole number, or nil for `auto`, which is what it is when it is not given.
  public static func automaticInteger(
    _ name: String, letter: Character? = nil, group: String? = nil, unit: String? = nil,
    flags: ParameterDefinition.Flags = [], in limits: ClosedRange<Int>, _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_INT, flags: flags.union(.auto), letter: letter, group: group,
      unit: unit)
    definition.limits = Double(limits.lowerBound)...Double(limits.upperBound)
    // Never read, but the host wants it within the limits.
    definition.initial = Double(limits.lowerBound)
    return Parameter(definition: definition) { $0.count > 0 ? Int($0.number) : nil }
  }
}

extension Parameter where Value == [WeightedClass] {
  /// A class or a mixture of classes, the weights of which add up to 1. Empty: it was not given.
  public static func classes(
    _ name: String, letter: Character? = nil, group: String? = nil, flags: ParameterDefinition.Flags = [],
    _ help: String
  ) -> Parameter {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_CLASS, flags: flags, letter: letter, group: group)
    return Parameter(definition: definition, read: \.mixture)
  }
}

extension Parameter where Value == ClassChoice {
  /// A class, a mixture of classes, `auto` or `none`. `initial` is one of the last two.
  public static func classChoice(
    _ name: String, letter: Character? = nil, group: String? = nil, initial: ClassChoice = .auto,
    _ help: String
  ) -> Parameter {
    var definition = ParameterDefinition(name: name, help: help, kind: RTOOL_CLASS, flags: [.auto, .none])
    definition.letter = letter
    definition.group = group
    if case .none = initial { definition.initialText = "none" } else { definition.initialText = "auto" }
    return Parameter(definition: definition) { value in
      guard value.count > 0 else {
        return value.texts.map { String(cString: $0[0]!) == "none" } == true ? .none : .auto
      }
      return .mixture(value.mixture)
    }
  }
}

extension Parameter where Value == [Box] {
  public static func boxes(_ name: String, letter: Character? = nil, group: String? = nil, _ help: String)
    -> Parameter
  {
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_BOX, flags: .repeated, letter: letter, group: group)
    return Parameter(definition: definition) { value in
      (0..<Int(value.count)).map {
        let numbers = value.numbers + 4 * $0
        return Box(
          x: Int(numbers[0]), y: Int(numbers[1]), width: Int(numbers[2]), height: Int(numbers[3]))
      }
    }
  }
}

extension rtool_value {
  /// Nil: it was not given.
  fileprivate var firstText: String? { count > 0 ? String(cString: texts[0]!) : nil }

  var number: Double { count > 0 ? numbers[0] : 0 }
  var allImages: [Image] { (0..<Int(count)).map { Image(images[$0]!) } }
  var mixture: [WeightedClass] {
    (0..<Int(count)).map { WeightedClass(index: Int32(numbers[2 * $0]), weight: numbers[2 * $0 + 1]) }
  }
}

/// The values of one run.
public struct Values {
  let base: UnsafePointer<rtool_value>
  let indices: [String: Int]
  let unlisted: UnlistedParameters
  let host: Host

  public subscript<Value>(parameter: Parameter<Value>) -> Value { parameter.read(value(of: parameter)) }

  /// The names of the files of an image parameter, for messages.
  public func names<Value>(_ parameter: Parameter<Value>) -> [String] {
    let value = value(of: parameter)
    return (0..<Int(value.count)).map { String(cString: value.texts[$0]!) }
  }

  /// Whether the user gave the parameter, rather than leaving it to its initial value or a preset.
  public func isGiven<Value>(_ parameter: Parameter<Value>) -> Bool { value(of: parameter).given > 0 }

  private func value<Value>(of parameter: Parameter<Value>) -> rtool_value {
    pointer(to: parameter.definition).pointee
  }

  func pointer(to definition: ParameterDefinition) -> UnsafePointer<rtool_value> {
    indices[definition.name].map { base + $0 } ?? unlisted.value(of: definition)
  }
}

/// Parameters that a task reads although its manifest does not list them. They read as zeros, an empty text or a black
/// pixel, and the task fails with their name.
final class UnlistedParameters {
  private(set) var name: String?
  private let pixel = UnsafeMutablePointer<Float>.allocate(capacity: 4)
  private let image = UnsafeMutablePointer<rtool_image>.allocate(capacity: 1)
  private let images = UnsafeMutablePointer<UnsafePointer<rtool_image>?>.allocate(capacity: 1)
  private let numbers = UnsafeMutablePointer<Double>.allocate(capacity: 4)
  private let text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  private let texts = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: 1)
  private let value = UnsafeMutablePointer<rtool_value>.allocate(capacity: 1)

  init() {
    pixel.initialize(repeating: 0, count: 4)
    var black = rtool_image()
    (black.width, black.height, black.channels, black.stride, black.data) = (1, 1, 3, 3, pixel)
    image.initialize(to: black)
    images.initialize(to: UnsafePointer(image))
    numbers.initialize(repeating: 0, count: 4)
    text.initialize(to: 0)
    texts.initialize(to: UnsafePointer(text))
    var zeros = rtool_value()
    (zeros.count, zeros.numbers) = (1, UnsafePointer(numbers))
    (zeros.texts, zeros.images) = (UnsafePointer(texts), UnsafePointer(images))
    value.initialize(to: zeros)
  }

  deinit {
    pixel.deallocate()
    image.deallocate()
    images.deallocate()
    numbers.deallocate()
    text.deallocate()
    texts.deallocate()
    value.deallocate()
  }

  func value(of definition: ParameterDefinition) -> UnsafePointer<rtool_value> {
    name = name ?? definition.name
    return UnsafePointer(value)
  }
}
