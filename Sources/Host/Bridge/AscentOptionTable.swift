import CRTool

/// The options that ascents have in common, which RTOOL_ASCENT stands for: one row of the table for each, and the ascent
/// that they describe together.
///
/// Lengths are given for 224x224 pixels, as they were published, and fitted to the size at hand: an L2 length grows with
/// the square root of the number of pixels.
enum AscentOptionTable {
  struct Row: Sendable {
    var parameter: CommandParameter
    /// What the number does to an ascent by itself.
    let apply: @Sendable (inout rtool_ascent, Double) -> Void
  }

  static let rows: [Row] = [
    row("steps", .int, 0...100_000, initial: 100, "steps of the ascent") { $0.steps = Int32($1) },
    row(
      "step-size", .real, 0...1000, auto: 1,
      "length of a step: L2 for 224x224 pixels (auto: AUTO); with sign and adam, the change of each value (auto: with "
        + "sign 2.5 times the radius over the steps, with adam 0.01, or 0.05 of Fourier coefficients)"),
    row(
      "radius", .real, 0...10_000, auto: 25,
      "how far the image may go: L2 for 224x224 pixels (auto: AUTO); "
        + "with --set linf, the largest change of a value (auto: \(AscentValues.linfRadius))"),
    row(
      "set", .choice,
      choices: [
        ("l2", "within a radius of the start, over all pixels together"),
        ("linf", "each value within a radius of the start"), ("box", "anywhere"),
      ], "where the image may go"
    ) { $0.set = UInt32([RTOOL_SET_L2, RTOOL_SET_LINF, RTOOL_SET_BOX][Int($1)]) },
    row(
      "optimizer", .choice, isAdvanced: true,
      choices: [
        ("auto", "normalised; sign with --set linf, adam with --parametrisation fourier"),
        ("normalised", "steps of one length along the gradient"), ("sign", "steps along the gradient's sign"),
        ("plain", "steps as long as the gradient"), ("adam", "Adam"),
      ], "how steps are taken"),
    row(
      "parametrisation", .choice, isAdvanced: true,
      choices: [
        ("pixels", "steps in the pixels"),
        ("fourier", "steps in Fourier coefficients, scaled as in photos; needs --set box"),
      ], "the space in which steps are taken"
    ) { $0.parameters = UInt32([RTOOL_PARAMETERS_PIXELS, RTOOL_PARAMETERS_FOURIER][Int($1)]) },
    row(
      "pass-relu", .bool, isAdvanced: true,
      "let the gradient through the last activation, so that features that are off can be raised"
    ) { if $1 != 0 { $0.flags |= UInt32(RTOOL_ASCENT_PASS_RELU) } },
    row("best", .bool, isAdvanced: true, "keep the image with the lowest loss, not the last one") {
      if $1 != 0 { $0.flags |= UInt32(RTOOL_ASCENT_BEST) }
    },
    row(
      "jitter", .int, 0...1000, unit: "px", isAdvanced: true,
      "at each step shift the image at random by up to N pixels"
    ) { $0.jitter = Int32($1) },
    row(
      "zoom", .real, 0...4, isAdvanced: true,
      "at each step look at a random part of the image, enlarged by a factor of up to 1 + N"
    ) { $0.zoom = $1 },
    row(
      "noise", .real, 0...10, isAdvanced: true,
      "at each step add normal noise of this standard deviation to what the model sees"
    ) { $0.noise = $1 },
    row(
      "momentum", .real, 0...0.999, isAdvanced: true,
      "share of the earlier gradients in the average that each step follows"
    ) { $0.momentum = $1 },
    row(
      "levels", .int, 1...12, initial: 1, isAdvanced: true,
      "follow the gradient at N resolutions at once"
    ) { $0.levels = Int32($1) },
    row(
      "gradient-blur", .real, 0...50, unit: "px", isAdvanced: true, "smooth the gradient, against noise"
    ) { $0.gradient_blur = $1 },
    row(
      "chroma-damping", .real, 0...1, isAdvanced: true,
      "share of the gradient's colour that is taken away, against coloured noise"
    ) { $0.chroma_damping = $1 },
    row("smoothness", .real, 0...1000, isAdvanced: true, "weight of the total variation"),
    row(
      "patience", .int, 0...100_000, isAdvanced: true,
      "stop when the loss has not fallen for N steps; 0: never"
    ) { $0.patience = Int32($1) },
  ]

  private static func row(
    _ name: String, _ kind: CommandParameter.Kind, _ limits: ClosedRange<Double>? = nil, initial: Double = 0,
    auto: Double? = nil, unit: String? = nil, isAdvanced: Bool = false,
    choices: [(name: String, help: String)] = [], _ help: String,
    apply: @escaping @Sendable (inout rtool_ascent, Double) -> Void = { _, _ in }
  ) -> Row {
    var parameter = CommandParameter(name: name, kind: kind, help: help)
    if isAdvanced { parameter.flags.insert(.advanced) }
    if auto != nil { parameter.flags.insert(.auto) }
    (parameter.limits, parameter.unit, parameter.initial, parameter.automatic) = (limits, unit, initial, auto)
    parameter.choices = choices.map { .init(name: $0.name, help: $0.help) }
    return Row(parameter: parameter, apply: apply)
  }

  /// All parameters with the initial values that a task sets, as its user would write them.
  /// - Parameter offered: those that the task offers, with a help of its own or an empty one; empty: all.
  static func parameters(settings: [String: String], group: String, offered: [CommandParameter.Choice]) throws
    -> [CommandParameter]
  {
    let unknown = (settings.keys.sorted() + offered.map(\.name))
      .first { name in !rows.contains { $0.parameter.name == name } }
    if let unknown { throw Failure.usage("there is no option \(quoted(unknown)) of ascents") }
    return try rows.map { row in
      var parameter = row.parameter
      parameter.group = group
      if let help = offered.first(where: { $0.name == parameter.name })?.help, !help.isEmpty {
        parameter.help = help
      }
      if let text = settings[parameter.name] {
        let number = try parameter.value(of: [text], given: false) { [] }.numbers.first
        if parameter.automatic != nil {
          parameter.automatic = number
        } else {
          parameter.initial = number ?? 0
        }
      }
      if let automatic = parameter.automatic {
        parameter.help = parameter.help.replacing("AUTO", with: "\(automatic)")
      }
      return parameter
    }
  }
}

/// The values of the options for one run.
struct AscentValues {
  /// What the user wrote, NaN for auto; whether it was written; and what auto stands for.
  private let numbers: [(value: Double, isGiven: Bool, automatic: Double)]

  init(_ values: [(CommandParameter, TypedValue)]) {
    numbers = values.map { ($1.numbers.first ?? .nan, $1.given > 0, $0.automatic ?? 0) }
  }

  /// - Parameter value: as `bridged` made it.
  init(_ value: rtool_value) throws {
    guard value.count == AscentOptionTable.rows.count, let numbers = value.numbers else {
      throw Failure.misuse("options of an ascent were read from another value")
    }
    self.numbers = (0..<Int(value.count)).map {
      (numbers[3 * $0], numbers[3 * $0 + 1] != 0, numbers[3 * $0 + 2])
    }
  }

  func bridged(_ run: Run) throws -> rtool_value {
    var value = rtool_value()
    value.given = UInt32(numbers.count { $0.isGiven })
    value.count = UInt32(numbers.count)
    value.numbers = UnsafePointer(
      try run.copy(numbers.flatMap { [$0.value, $0.isGiven ? 1 : 0, $0.automatic] }))
    return value
  }

  /// nil: there is no such option.
  func option(_ name: String) -> (value: Double, isGiven: Bool, automatic: Double)? {
    AscentOptionTable.rows.firstIndex { $0.parameter.name == name }.map { numbers[$0] }
  }

  /// The number; nil: auto.
  private subscript(_ name: String) -> Double? {
    option(name).flatMap { $0.value.isNaN ? nil : $0.value }
  }

  var smoothness: Double { self["smoothness"] ?? 0 }

  /// Fills in what the options say of an ascent for images of this size.
  func fill(_ ascent: inout rtool_ascent, width: Int, height: Int) throws {
    for (row, number) in zip(AscentOptionTable.rows, numbers) where !number.value.isNaN {
      row.apply(&ascent, number.value)
    }
    let isFourier = Int(ascent.parameters) == RTOOL_PARAMETERS_FOURIER
    if isFourier && Int(ascent.set) != RTOOL_SET_BOX {
      throw Failure.usage("--parametrisation fourier knows no radius; give --set box with it")
    }
    let isLinf = Int(ascent.set) == RTOOL_SET_LINF
    let rules = [
      isFourier ? RTOOL_RULE_ADAM : isLinf ? RTOOL_RULE_SIGN : RTOOL_RULE_NORMALISED, RTOOL_RULE_NORMALISED,
      RTOOL_RULE_SIGN, RTOOL_RULE_PLAIN, RTOOL_RULE_ADAM,
    ]
    ascent.rule = UInt32(rules[Int(self["optimizer"] ?? 0)])
    let scale = Self.scale(width: width, height: height)
    let linfRadius = self["radius"] ?? Self.linfRadius
    ascent.radius = isLinf ? linfRadius : (self["radius"] ?? option("radius")!.automatic) * scale
    if Int(ascent.set) == RTOOL_SET_BOX { ascent.radius = 0 }
    let automatic = option("step-size")!.automatic
    ascent.step_size =
      switch Int(ascent.rule) {
      case RTOOL_RULE_NORMALISED: (self["step-size"] ?? automatic) * scale
      case RTOOL_RULE_PLAIN: self["step-size"] ?? automatic
      // Enough to cross the set two and a half times.
      case RTOOL_RULE_SIGN: self["step-size"] ?? 2.5 * linfRadius / Double(max(ascent.steps, 1))
      default: self["step-size"] ?? (isFourier ? 0.05 : 0.01)
      }
  }

  /// What an L2 length for 224x224 pixels is multiplied with at another size.
  private static func scale(width: Int, height: Int) -> Double {
    (Double(width) * Double(height)).squareRoot() / 224
  }

  /// Where none is given.
  fileprivate static let linfRadius = 0.1
}

/// The functions of the host table that read values.
extension Run {
  func addValues(to host: inout rtool_host) {
    host.ascent_options = { host, options, width, height, ascent, smoothness in
      let run = Run.of(host)
      return run.status {
        guard let options, let ascent,
          var filled = Growth.read(ascent, into: rtool_ascent(), atLeast: Growth.ascent), width > 0,
          height > 0
        else { throw Failure.misuse("an ascent needs its size filled in, and its options a size of images") }
        let values = try AscentValues(options.pointee)
        try values.fill(&filled, width: Int(width), height: Int(height))
        smoothness?.pointee = values.smoothness
        Growth.write(filled, to: ascent, size: Int(filled.struct_size))
      }
    }
    host.ascent_option = { host, options, name, number in
      let run = Run.of(host)
      var isGiven = false
      let status = run.status {
        guard let options, let name else { throw Failure.misuse("no option was asked for") }
        guard let option = try AscentValues(options.pointee).option(String(cString: name)) else {
          throw Failure.misuse("there is no option \(quoted(String(cString: name))) of ascents")
        }
        number?.pointee = option.value
        isGiven = option.isGiven
      }
      return status == Int32(RTOOL_OK) && isGiven ? 1 : 0
    }
    host.file_bytes = { host, path, count in
      let run = Run.of(host)
      var bytes: UnsafePointer<UInt8>?
      _ = run.status {
        guard let path, let content = run.files[String(cString: path)] else {
          throw Failure.misuse("the bytes of a file were asked for that was not given as a value")
        }
        bytes = UnsafePointer(try run.copy(content + [0]))
        count?.pointee = content.count
      }
      return UnsafeRawPointer(bytes)
    }
  }
}
