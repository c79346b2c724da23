import CRTool

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
  public var parameters: [ParameterDefinition]
  /// The lowest minor version of the interface that the task's calls need; its parameters are looked at anyway.
  public var needs = Interface.lowest

  public init(
    name: String, version: String, summary: String, description: String,
    examples: [(arguments: String, help: String)] = [],
    presets: [(name: String, help: String, settings: String)] = [], parameters: [ParameterDefinition],
    needs: Int = Interface.lowest
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.description = description
    self.examples = examples
    self.presets = presets
    self.parameters = parameters
    self.needs = needs
  }

  /// The manifest in the form the host reads, with `run` as its task. It lives as long as the process: call this
  /// once, in a global constant.
  public func published(
    run: @escaping @convention(c) (UnsafePointer<rtool_host>?, UnsafePointer<rtool_value>?) -> Int32
  ) -> UnsafePointer<rtool_manifest> {
    var manifest = rtool_manifest()
    manifest.struct_size = UInt32(MemoryLayout<rtool_manifest>.size)
    manifest.abi = Interface.version(minor: parameters.reduce(needs) { max($0, $1.needs) })
    manifest.built_with = Interface.version(minor: Interface.minor)
    manifest.param_size = UInt32(MemoryLayout<rtool_param>.stride)
    manifest.param_count = UInt32(parameters.count)
    manifest.params = lasting(parameters.map(\.published))
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
    manifest.run = run
    return lasting([manifest])
  }

  /// Calls a task written in Swift with the host and its values, and turns what it throws into a status.
  public func perform(
    _ host: UnsafePointer<rtool_host>?, _ values: UnsafePointer<rtool_value>?,
    _ task: (Host, Values) throws -> Void
  ) -> Int32 {
    guard let host, let values else { return Int32(RTOOL_INVALID) }
    let indices = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
    do {
      let host = Host(host)
      return try withExtendedLifetime(host.customs) {
        try task(host, Values(base: values, indices: indices, host: host))
        return Int32(RTOOL_OK)
      }
    } catch { return Host(host).status(of: error) }
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
