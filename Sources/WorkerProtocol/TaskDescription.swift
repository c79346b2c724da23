/// A task as its manifest and the host describe it: all that a form or a schema needs.
public struct TaskDescription: Codable, Sendable {
  public var name: String, version: String, summary: String, description: String
  /// Whether it comes with the program.
  public var isBundled: Bool
  /// The parameter that takes the image that is worked on; nil: there is none.
  public var imageParameter: String?
  /// Whether there is one, and whether the task needs an image for it.
  public var takesImage: Bool, needsImage: Bool
  /// Whether images come of it; else text alone.
  public var makesImage: Bool
  public var hasAscent: Bool
  public var presets: [Preset]
  public var examples: [Example]
  /// The task's own, then the host's.
  public var parameters: [ParameterDescription]

  public struct Preset: Codable, Sendable {
    public var name: String, help: String
    /// Texts by the parameters' names.
    public var settings: [String: String]

    public init(name: String, help: String, settings: [String: String]) {
      (self.name, self.help, self.settings) = (name, help, settings)
    }
  }

  public struct Example: Codable, Sendable {
    public var arguments: String, help: String

    public init(arguments: String, help: String) { (self.arguments, self.help) = (arguments, help) }
  }

  public init(
    name: String, version: String, summary: String, description: String, isBundled: Bool,
    imageParameter: String?, needsImage: Bool, makesImage: Bool, hasAscent: Bool, presets: [Preset],
    examples: [Example],
    parameters: [ParameterDescription]
  ) {
    (self.name, self.version, self.summary, self.description) = (name, version, summary, description)
    (self.isBundled, self.imageParameter) = (isBundled, imageParameter)
    (self.takesImage, self.needsImage) = (imageParameter != nil, needsImage)
    (self.makesImage, self.hasAscent) = (makesImage, hasAscent)
    (self.presets, self.examples, self.parameters) = (presets, examples, parameters)
  }
}

public struct ParameterDescription: Codable, Sendable {
  /// bool, int, real, text, choice, image, mask, class, color, point, box, file, layer or model.
  public var name: String, kind: String, help: String
  public var group: String?, unit: String?
  /// required, positional, repeated, advanced, auto, none, logarithmic, on-demand.
  public var flags: [String]
  /// The initial value as a user would write it.
  public var initial: String?
  public var min: Double?, max: Double?
  /// Where values usually lie.
  public var softMin: Double?, softMax: Double?
  public var choices: [NamedChoice]
  /// The mask parameter that it belongs to.
  public var mask: String?
  /// Whether it is the host's own.
  public var isHost: Bool

  public struct NamedChoice: Codable, Sendable {
    public var name: String, help: String

    public init(name: String, help: String) { (self.name, self.help) = (name, help) }
  }

  public init(name: String, kind: String, help: String, isHost: Bool) {
    (self.name, self.kind, self.help, self.isHost) = (name, kind, help, isHost)
    (flags, choices) = ([], [])
  }

  public func has(_ flag: String) -> Bool { flags.contains(flag) }
}

public struct ModelDescription: Codable, Sendable {
  public var name: String
  /// Whether it is used where none is named.
  public var isDefault: Bool
  public var classes: [String]

  public init(name: String, isDefault: Bool, classes: [String]) {
    (self.name, self.isDefault, self.classes) = (name, isDefault, classes)
  }
}
