import CRTool

/// Photos that are opened when they are asked for, one after the other, so that one is in memory at a time.
public struct PhotoSeries {
  /// The names of the files, for messages.
  public let names: [String]
  private let host: Host
  private let parameter: UInt32

  init(names: [String], host: Host, parameter: UInt32) {
    (self.names, self.host, self.parameter) = (names, host, parameter)
  }

  public var count: Int { names.count }

  /// Calls `body` with photo `index`. The photo, and all that the host hands out in `body`, is gone when it returns.
  /// - Parameter side: how many pixels of the shorter side there is use for, see `image_open`; nil: all.
  /// - Returns: nil where the file cannot be used, which the user has been told: go on with the next.
  public func withPhoto<Result>(_ index: Int, side: Int? = nil, _ body: (Image) throws -> Result) throws
    -> Result?
  {
    let open = try host.later(\.image_open, since: 4)
    return try host.scoped {
      try open(host.table, parameter, UInt32(index), Int32(side ?? 0)).map { try body(Image($0)) }
    }
  }

  /// Tells why photo `index` is of no use, in one line with its name. The rest is to be done all the same.
  public func skip(_ index: Int, _ text: String) throws {
    try host.later(\.image_skip, since: 4)(host.table, parameter, UInt32(index), text)
  }
}

extension Parameter where Value == [String] {
  /// Photos by their place, all that is left of the words, for `Values.series`; by itself it reads as their names.
  public static func photoSeries(_ name: String, group: String? = nil, required: Bool = true, _ help: String)
    -> Parameter
  {
    var flags: ParameterDefinition.Flags = [.positional, .repeated, .onDemand]
    if required { flags.insert(.required) }
    let definition = ParameterDefinition(
      name: name, help: help, kind: RTOOL_IMAGE, flags: flags, group: group)
    return Parameter(definition: definition) { value in
      (0..<Int(value.count)).map { String(cString: value.texts[$0]!) }
    }
  }
}

extension Values {
  public func series(_ parameter: Parameter<[String]>) -> PhotoSeries {
    PhotoSeries(
      names: self[parameter], host: host, parameter: UInt32(indices[parameter.definition.name] ?? 0))
  }
}

extension Host {
  /// One of many results, to standard output at once: text, or with --json one JSON value, which gets a line of its own.
  public func emit(part text: String) throws { try check(later(\.emit_part, since: 4)(table, text)) }
}
