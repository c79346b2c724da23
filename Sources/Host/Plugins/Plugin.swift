import CRTool
import Glibc
import RobustRuntime

/// A task plugin that was loaded and whose manifest is legal.
struct Plugin: Sendable {
  struct Preset: Sendable {
    let name: String
    let help: String
    /// The texts that stand in for the parameters' initial values.
    let settings: [String: String]
  }

  struct Example: Sendable {
    let arguments: String
    let help: String
  }

  /// What its task does not do. See `rtool_manifest_flags`.
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt32
    static let textAlone = Flags(rawValue: UInt32(RTOOL_TEXT_ALONE))
    static let noAscent = Flags(rawValue: UInt32(RTOOL_NO_ASCENT))
  }

  enum Slot: Sendable {
    /// The value of one of `parameters`.
    case parameter(Int)
    /// The values of all options of an ascent, each with its place among `parameters`; nil: it is not offered, and stays
    /// as it is initially.
    case ascent([(option: CommandParameter, index: Int?)])
  }

  let path: String
  let name: String
  let version: String
  /// The interface that it needs at least, and the one it was compiled with; nil: it does not tell.
  let needs: UInt32
  let builtWith: UInt32?
  let flags: Flags
  let summary: String
  let description: String
  let author, license, url: String?
  let examples: [Example]
  let presets: [Preset]
  let parameters: [CommandParameter]
  /// For each parameter of the manifest, what its value is made of.
  let slots: [Slot]
  let run: @convention(c) (UnsafePointer<rtool_host>?, UnsafePointer<rtool_value>?) -> Int32
}

/// Why a file is no plugin this host can use, in words that begin in lower case.
struct PluginRejection: Error {
  let reason: String
  /// Whether nothing is wrong with the file.
  var lacksMemory = false
}

extension Plugin {
  static let abi = UInt32(RTOOL_ABI_MAJOR) << 16 | UInt32(RTOOL_ABI_MINOR)

  /// Loads the library at `path`, which stays in memory: what a Swift or Rust library registered with its runtime
  /// cannot be taken back.
  init(path: String, name expectedName: String) throws(PluginRejection) {
    if let fault = LibraryFile.fault(at: path) { throw PluginRejection(reason: fault) }
    self = try CrashNotice.during("plugin \(path)") { () throws(PluginRejection) in
      try ExitNotice.during(
        "rtool: plugin \(path) ended the program while it was loaded; remove or replace it"
      ) {
        () throws(PluginRejection) in
        try PrintingGuard.during { () throws(PluginRejection) in try Plugin(loading: path, name: expectedName)
        }
      }
    }
  }

  /// Loads the library as well; if that crashes, so does the process.
  init(trying path: String, name expectedName: String) throws(PluginRejection) {
    self = try PrintingGuard.during { () throws(PluginRejection) in
      try Plugin(loading: path, name: expectedName)
    }
  }

  private init(loading path: String, name expectedName: String) throws(PluginRejection) {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      let error = LoaderError()
      if error.lacksMemory {
        throw PluginRejection(
          reason: "there is not enough memory to load \(path); raise the limit (ulimit -v)", lacksMemory: true
        )
      }
      throw PluginRejection(reason: "it cannot be loaded: \(error.text.replacing("\(path): ", with: ""))")
    }
    guard let symbol = dlsym(library, "rtool_plugin") else {
      throw PluginRejection(reason: "it is no rtool plugin: it has no function rtool_plugin")
    }
    typealias Entry = @convention(c) (UInt32) -> UnsafePointer<rtool_manifest>?
    guard let manifest = unsafeBitCast(symbol, to: Entry.self)(Self.abi) else {
      throw PluginRejection(reason: "it refuses this rtool (interface \(Self.versionText(Self.abi)))")
    }
    try self.init(manifest, path: path, expectedName: expectedName)
  }

  private init(_ manifest: UnsafePointer<rtool_manifest>, path: String, expectedName: String)
    throws(PluginRejection)
  {
    guard let fields = Growth.read(manifest, into: rtool_manifest(), atLeast: Growth.manifest) else {
      throw PluginRejection(reason: "its manifest has a wrong struct_size")
    }
    let needed = fields.abi
    guard needed >> 16 == Self.abi >> 16, needed & 0xFFFF <= Self.abi & 0xFFFF else {
      throw PluginRejection(
        reason:
          "it needs interface \(Self.versionText(needed)), this rtool offers \(Self.versionText(Self.abi))")
    }
    func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(PluginRejection) -> String {
      guard let pointer else { throw PluginRejection(reason: "its manifest has no \(what)") }
      return String(lineOf: pointer)
    }
    func array<Element>(_ base: UnsafePointer<Element>?, _ count: UInt32, _ what: String)
      throws(PluginRejection) -> UnsafeBufferPointer<Element>
    {
      guard count <= 1024, count == 0 || base != nil else {
        throw PluginRejection(reason: "its manifest has \(count) \(what) that are not there")
      }
      return UnsafeBufferPointer(start: base, count: Int(count))
    }

    self.path = path
    self.needs = needed
    builtWith = fields.built_with == 0 ? nil : fields.built_with
    flags = Flags(rawValue: fields.flags)
    name = try text(fields.name, "name")
    version = try text(fields.version, "version")
    summary = try text(fields.summary, "summary")
    description = (fields.description.map { String(of: $0, upTo: 1 << 16) } ?? "")
      .split(separator: "\n", omittingEmptySubsequences: false).map { Terminal.printable(String($0)) }
      .joined(separator: "\n")
    author = fields.author.map { String(lineOf: $0) }
    license = fields.license.map { String(lineOf: $0) }
    url = fields.url.map { String(lineOf: $0) }
    guard let run = fields.run else { throw PluginRejection(reason: "its manifest has no function run") }
    self.run = run
    guard name == expectedName else {
      throw PluginRejection(reason: "its manifest is for “\(name)”, its file for “\(expectedName)”")
    }
    var examples: [Example] = []
    for example in try array(fields.examples, fields.example_count, "examples") {
      examples.append(
        Example(
          arguments: try text(example.arguments, "example"), help: try text(example.help, "example's help")))
    }
    self.examples = examples

    let count = fields.param_count
    _ = try array(fields.params, count, "parameters")
    let stride = Int(fields.param_size)
    guard count == 0 || (stride >= Growth.parameter && stride < 1 << 16) else {
      throw PluginRejection(reason: "its parameters say they have \(stride) bytes each, which cannot be")
    }
    let manifestParameters = (0..<Int(count)).map { index in
      Growth.read(
        UnsafeRawPointer(fields.params!) + index * stride, size: stride, into: rtool_param())
    }
    let own = (
      names: Set(manifestParameters.compactMap { $0.name.map { String(lineOf: $0) } }),
      letters: Set(manifestParameters.compactMap(\.character))
    )
    var parameters: [CommandParameter] = []
    var slots: [Slot] = []
    for fields in manifestParameters {
      if Int(fields.kind) == RTOOL_ASCENT {
        let offered = try CommandParameter.choices(of: fields, name: "ascent")
        let options = try Self.ascentParameters(fields, offered)
        let shown = options.filter { option in
          offered.isEmpty || offered.contains { $0.name == option.name }
        }
        slots.append(
          .ascent(
            options.map { option in
              (option, shown.firstIndex { $0.name == option.name }.map { $0 + parameters.count })
            }))
        parameters += shown
      } else {
        let parameter = try CommandParameter(fields)
        slots.append(.parameter(parameters.count))
        parameters.append(parameter)
        if parameter.kind == .mask {
          let letters = own.letters.union(parameters.compactMap(\.letter))
          parameters += MaskOptions.edits(of: parameter, names: own.names, letters: letters)
        }
      }
    }
    (self.parameters, self.slots) = (parameters, slots)
    var presets: [Preset] = []
    for preset in try array(fields.presets, fields.preset_count, "presets") {
      presets.append(
        Preset(
          name: try text(preset.name, "preset's name"), help: try text(preset.help, "preset's help"),
          settings: Self.settings(preset.settings.map { String(lineOf: $0) } ?? "")))
    }
    self.presets = presets
    if let fault = manifestFault { throw PluginRejection(reason: fault) }
  }

  private static func ascentParameters(_ fields: rtool_param, _ offered: [CommandParameter.Choice])
    throws(PluginRejection) -> [CommandParameter]
  {
    let settings = settings(fields.initial_text.map { String(lineOf: $0) } ?? "")
    do {
      return try AscentOptionTable.parameters(
        settings: settings, group: fields.group.map { String(lineOf: $0) } ?? "Ascent", offered: offered)
    } catch {
      throw PluginRejection(
        reason: "its options of an ascent begin with a value that is not allowed: \(error)")
    }
  }

  private static func settings(_ text: String) -> [String: String] {
    var settings: [String: String] = [:]
    for word in text.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      settings[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
    }
    return settings
  }

  /// The first thing in the manifest that the command line could not honour.
  private var manifestFault: String? {
    let taken = Set(HostOption.all(presets: []).map(\.name) + ["preset"])
    let takenLetters = Set(HostOption.all(presets: []).compactMap(\.letter))
    var names: Set<String> = []
    var letters: Set<Character> = []
    var positionalIsOpen = true
    var optionalWasSeen = false
    for parameter in parameters {
      let name = parameter.name
      if !CommandParameter.isName(name) {
        return "its parameter “\(name)” has a name that is not lower-case letters, digits and -"
      }
      if !names.insert(name).inserted { return "it has two parameters “\(name)”" }
      if taken.contains(name) || name.hasPrefix("no-") {
        return "its parameter “\(name)” has a reserved name"
      }
      if let letter = parameter.letter {
        if !letter.isASCII || !letter.isLetter {
          return "its parameter “\(name)” has no letter as its letter"
        }
        if takenLetters.contains(letter) || !letters.insert(letter).inserted {
          return "its parameter “\(name)” has the letter -\(letter), which is taken"
        }
      }
      if parameter.kind == .choice {
        if parameter.choices.isEmpty { return "its parameter “\(name)” has no choices" }
        if !parameter.choices.indices.contains(Int(exactly: parameter.initial) ?? -1) {
          return "its parameter “\(name)” begins with a choice it does not have"
        }
      }
      if !parameter.initial.isFinite || !(parameter.limits?.contains(parameter.initial) ?? true) {
        return "its parameter “\(name)” begins outside its own limits"
      }
      if !parameter.flags.contains(.required), parameter.kind != .classes {
        do {
          _ = try parameter.value(of: [], given: false) { [] }
        } catch {
          return "its parameter “\(name)” begins with a value it does not allow: \(error)"
        }
      }
      if parameter.kind == .int,
        parameter.initial != parameter.initial.rounded() || abs(parameter.initial) > 0x1p53
      {
        return "its parameter “\(name)” begins with \(parameter.initial), which is no whole number"
      }
      if parameter.isPositional {
        if parameter.kind == .bool { return "its parameter “\(name)” is a switch without a name" }
        if !positionalIsOpen { return "its parameter “\(name)” comes after one that takes all that is left" }
        if parameter.flags.contains(.repeated) { positionalIsOpen = false }
        let isRequired = parameter.flags.contains(.required)
        if isRequired && optionalWasSeen {
          return "its parameter “\(name)” is required but follows an optional one"
        }
        if !isRequired { optionalWasSeen = true }
      }
    }
    for preset in presets {
      for (name, text) in preset.settings {
        guard let parameter = parameters.first(where: { $0.name == name }) else {
          return "its preset “\(preset.name)” sets “\(name)”, which is no parameter"
        }
        do {
          if parameter.kind != .classes { _ = try parameter.value(of: [text], given: false) { [] } }
        } catch {
          return "its preset “\(preset.name)” is out of range: \(error)"
        }
      }
    }
    return nil
  }

  /// As in "0.3".
  static func versionText(_ abi: UInt32) -> String { "\(abi >> 16).\(abi & 0xFFFF)" }
}

extension rtool_param {
  fileprivate var character: Character? {
    Unicode.Scalar(letter).flatMap { $0.value == 0 ? nil : Character($0) }
  }
}

extension CommandParameter {
  fileprivate init(_ parameter: rtool_param) throws(PluginRejection) {
    guard let name = parameter.name.map({ String(lineOf: $0) }), let help = parameter.help else {
      throw PluginRejection(reason: "one of its parameters has no name or no help")
    }
    guard let kind = Kind(rawValue: parameter.kind) else {
      throw PluginRejection(reason: "its parameter “\(name)” is of the unknown kind \(parameter.kind)")
    }
    self.init(name: name, kind: kind, help: String(lineOf: help), flags: Flags(rawValue: parameter.flags))
    letter = parameter.character
    value = parameter.value.map { String(lineOf: $0) }
    group = parameter.group.map { String(lineOf: $0) }
    unit = parameter.unit.map { String(lineOf: $0) }
    initial = parameter.initial
    initialText = parameter.initial_text.map { String(lineOf: $0) }
    if parameter.min != 0 || parameter.max != 0 {
      guard parameter.min <= parameter.max else {
        throw PluginRejection(reason: "its parameter “\(name)” has limits that allow nothing")
      }
      limits = parameter.min...parameter.max
    }
    if parameter.soft_min != 0 || parameter.soft_max != 0 {
      guard parameter.soft_min <= parameter.soft_max, limits?.contains(parameter.soft_min) ?? true,
        limits?.contains(parameter.soft_max) ?? true
      else { throw PluginRejection(reason: "its parameter “\(name)” has a slider beyond its limits") }
      softLimits = parameter.soft_min...parameter.soft_max
    }
    choices = try Self.choices(of: parameter, name: name)
  }

  fileprivate static func choices(of parameter: rtool_param, name: String) throws(PluginRejection) -> [Choice]
  {
    guard parameter.choice_count <= 1024, parameter.choice_count == 0 || parameter.choices != nil else {
      throw PluginRejection(reason: "its parameter “\(name)” has choices that are not there")
    }
    return (0..<Int(parameter.choice_count)).map {
      Choice(
        name: parameter.choices[$0].name.map { String(lineOf: $0) } ?? "",
        help: parameter.choices[$0].help.map { String(lineOf: $0) } ?? "")
    }
  }
}
