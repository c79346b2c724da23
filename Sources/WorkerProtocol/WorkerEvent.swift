/// What a worker says on its standard output: one JSON object on each line.
public enum WorkerEvent: Codable, Sendable {
  /// How much of a run is done, in 0...1, and what is being done.
  case progress(fraction: Double, note: String?)
  /// A step of an ascent, counted from the run's first.
  case point(step: Int, loss: Double, probability: Double?)
  /// An iterate: a JPEG file in base64, and where in the first image it lies; nil: it is the whole picture.
  case frame(jpeg: String, place: PixelRectangle?, step: Int)
  /// Something that a user should know of the result.
  case warning(String)
  /// Data that the task printed.
  case text(String)

  // What follows ends a request.
  case tasks([TaskDescription])
  case models([ModelDescription])
  case names([NamedThing])
  case facts(ImageFacts)
  /// A JPEG or PNG file in base64.
  case image(base64: String, type: String)
  case done(TaskResult)
  case failed(TaskFault)

  /// Whether nothing more comes of the request.
  public var isEnd: Bool {
    switch self {
    case .progress, .point, .frame, .warning, .text: false
    default: true
    }
  }
}

public struct NamedThing: Codable, Sendable {
  public var name: String, caption: String

  public init(name: String, caption: String) { (self.name, self.caption) = (name, caption) }
}

public struct ImageFacts: Codable, Sendable {
  public var width: Int, height: Int
  /// As `--format` takes it.
  public var format: String
  /// How the names of such files end, without a dot; what results over it are written as.
  public var ending: String
  public var hasAlpha: Bool

  public init(width: Int, height: Int, format: String, ending: String, hasAlpha: Bool) {
    (self.width, self.height, self.format, self.ending) = (width, height, format, ending)
    self.hasAlpha = hasAlpha
  }
}

public struct TaskResult: Codable, Sendable {
  /// The files that were written.
  public var outputs: [String]
  /// What is known of the first of them.
  public var facts: ImageFacts?
  public var seconds: Double
  /// Whether the same command makes the same bytes: it was not ended early.
  public var isExact: Bool

  public init(outputs: [String], facts: ImageFacts? = nil, seconds: Double = 0, isExact: Bool = true) {
    (self.outputs, self.facts, self.seconds, self.isExact) = (outputs, facts, seconds, isExact)
  }
}

/// Why a request came to nothing.
public struct TaskFault: Codable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case failed, usage, interrupted
    /// Why was told by warnings.
    case told
    /// There was no space left to write to.
    case diskFull
    /// There was less memory than it takes.
    case noMemory
    /// A mistake of the plugin's.
    case misuse
    /// The process ended.
    case crashed
  }

  public var kind: Kind
  /// One sentence for the user.
  public var text: String

  public init(_ kind: Kind, _ text: String) { (self.kind, self.text) = (kind, text) }
}
