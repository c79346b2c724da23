import CRTool
import Synchronization

/// What a plugin says of itself. See `rtool_manifest`.
public struct Manifest: Sendable {
  public var name: String
  public var version: String
  public var summary: String
  public var description: String
  public var author = ""
  public var license = ""
  public var examples: [(arguments: String, help: String)] = []
  public var presets: [(name: String, help: String, settings: String)] = []
  public var parameters: [any TaskParameter]
  /// The lowest minor version of the interface that the task's calls need; its parameters are looked at anyway.
  public var needs = Interface.lowest
  /// What the task does not do, for which the host then has no options.
  public var lacks: Lacks = []

  /// See `rtool_manifest_flags`.
  public struct Lacks: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// All images: text is its result.
    public static let images = Lacks(rawValue: Int(RTOOL_TEXT_ALONE))
    /// Ascents, and all that depends on the seed.
    public static let ascents = Lacks(rawValue: Int(RTOOL_NO_ASCENT))
  }

  public init(
    name: String, version: String, summary: String, description: String,
    examples: [(arguments: String, help: String)] = [],
    presets: [(name: String, help: String, settings: String)] = [], parameters: [any TaskParameter],
    needs: Int = Interface.lowest, lacks: Lacks = []
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.description = description
    self.examples = examples
    self.presets = presets
    self.parameters = parameters
    (self.needs, self.lacks) = (needs, lacks)
  }

  /// The manifest in the form the host reads, with `task` to be run, for the plugin's one exported function:
  ///
  ///     @c(rtool_plugin)
  ///     public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest.published(running: draw) }
  ///
  /// It is made once and lives as long as the process.
  public func published(running task: @escaping @Sendable (Host, Values) throws -> Void)
    -> UnsafePointer<rtool_manifest>
  {
    Published.one.withLock { published in
      if let known = published?.manifest { return known.pointer }
      let manifest = Published.Lasting(pointer: lastingManifest())
      published = Published(
        indices: Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.definition.name, $0) }),
        task: task, manifest: manifest)
      return manifest.pointer
    }
  }

  private func lastingManifest() -> UnsafePointer<rtool_manifest> {
    var manifest = rtool_manifest()
    manifest.struct_size = UInt32(MemoryLayout<rtool_manifest>.size)
    manifest.abi = Interface.version(minor: parameters.reduce(needs) { max($0, $1.definition.needs) })
    manifest.flags = UInt32(lacks.rawValue)
    manifest.built_with = Interface.version(minor: Interface.minor)
    manifest.param_size = UInt32(MemoryLayout<rtool_param>.stride)
    manifest.param_count = UInt32(parameters.count)
    manifest.params = lasting(parameters.map(\.definition.published))
    manifest.name = lasting(name)
    manifest.version = lasting(version)
    manifest.summary = lasting(summary)
    manifest.description = lasting(description)
    manifest.author = author.isEmpty ? nil : lasting(author)
    manifest.license = license.isEmpty ? nil : lasting(license)
    manifest.example_count = UInt32(examples.count)
    manifest.examples = lasting(
      examples.map { rtool_example(arguments: lasting($0.arguments), help: lasting($0.help)) })
    manifest.preset_count = UInt32(presets.count)
    manifest.presets = lasting(
      presets.map {
        rtool_preset(name: lasting($0.name), help: lasting($0.help), settings: lasting($0.settings))
      })
    manifest.run = { host, values in
      guard let host, let values, let published = Published.one.withLock({ $0 }) else {
        return Int32(RTOOL_INVALID)
      }
      return published.run(Host(host), values)
    }
    return lasting([manifest])
  }
}

/// The one task of this library.
private struct Published: Sendable {
  struct Lasting: @unchecked Sendable { let pointer: UnsafePointer<rtool_manifest> }

  let indices: [String: Int]
  let task: @Sendable (Host, Values) throws -> Void
  let manifest: Lasting

  static let one = Mutex<Published?>(nil)

  /// Calls the task, and turns what it throws into a status.
  func run(_ host: Host, _ values: UnsafePointer<rtool_value>) -> Int32 {
    let unlisted = UnlistedParameters()
    do {
      return try withExtendedLifetime((host.customs, unlisted)) {
        do {
          try task(host, Values(base: values, indices: indices, unlisted: unlisted, host: host))
        } catch  where unlisted.name == nil { throw error }
        guard let name = unlisted.name else { return Int32(RTOOL_OK) }
        throw TaskFailure.message(
          "the plugin made a mistake, tell its author: it reads --\(name), which its manifest does not list")
      }
    } catch { return host.status(of: error) }
  }
}

extension Host {
  /// Reports what a task threw, unless the host knows it already.
  func status(of error: any Error) -> Int32 {
    switch error as? TaskFailure {
    case .reported(let status): status
    case .message(let text): table.pointee.fail(table, Int32(RTOOL_FAILED), text)
    case .usage(let text): table.pointee.fail(table, Int32(RTOOL_USAGE), text)
    case nil: table.pointee.fail(table, Int32(RTOOL_FAILED), "\(error)")
    }
  }
}

/// Why a task ended without a result.
public enum TaskFailure: Error {
  /// The host already knows: the user stopped the task, or a call to the host failed.
  case reported(status: Int32)
  /// One line for the user: what was wrong with which input, and what to do.
  case message(String)
  /// One line for the user: which parameters contradict one another.
  case usage(String)
}

extension ParameterDefinition {
  var published: rtool_param {
    var parameter = rtool_param()
    parameter.name = lasting(name)
    parameter.help = lasting(help)
    parameter.value = value.map(lasting)
    parameter.group = group.map(lasting)
    parameter.unit = unit.map(lasting)
    parameter.kind = UInt32(kind)
    parameter.flags = UInt32(flags.rawValue)
    parameter.letter = letter.flatMap(\.asciiValue).map(UInt32.init) ?? 0
    parameter.choice_count = UInt32(choices.count)
    parameter.choices = lasting(choices.map { rtool_choice(name: lasting($0.name), help: lasting($0.help)) })
    parameter.initial = initial
    parameter.initial_text = initialText.map(lasting)
    parameter.min = limits?.lowerBound ?? 0
    parameter.max = limits?.upperBound ?? 0
    parameter.soft_min = softLimits?.lowerBound ?? 0
    parameter.soft_max = softLimits?.upperBound ?? 0
    parameter.step = step
    return parameter
  }
}

/// A copy that is never freed.
private func lasting<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
  let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
  copy.initialize(from: elements, count: elements.count)
  return UnsafePointer(copy)
}

private func lasting(_ text: String) -> UnsafePointer<CChar> {
  lasting(text.utf8.map { CChar(bitPattern: $0) } + [0])
}
