import Imaging

/// What the host offers with each mask of a task: `--mask` brings `--mask-invert`, `--mask-grow` and `--mask-feather`, and
/// `--mask-preview` where the task is given an image. Where it has a parameter of such a name itself, that one stays.
enum MaskOptions {
  /// The options by which the mask is changed before the task gets it.
  /// - Parameters:
  ///   - names: those that the task's own parameters have.
  ///   - letters: theirs, and those of masks before.
  static func edits(of mask: CommandParameter, names: Set<String>, letters: Set<Character>)
    -> [CommandParameter]
  {
    var invert = option("invert", .bool, of: mask, "swap black and white in \(mask.label)")
    if mask.letter != nil, !letters.contains("i") { invert.letter = "i" }
    var grow = option(
      "grow", .int, of: mask, "grow the white area of \(mask.label) by N pixels; negative: shrink it")
    (grow.limits, grow.softLimits, grow.unit) = (-500...500, -8...16, "px")
    var feather = option(
      "feather", .int, of: mask,
      "fade \(mask.label) out over N pixels, inside the border of its white area")
    (feather.limits, feather.softLimits, feather.unit) = (0...500, 0...16, "px")
    return [invert, grow, feather].filter { !names.contains($0.name) }
  }

  /// The options that show a mask on the task's first image; they are no part of how the result is made.
  static func previews(of parameters: [CommandParameter]) -> [CommandParameter] {
    guard parameters.contains(where: { $0.kind == .image }) else { return [] }
    let options = parameters.filter { $0.kind == .mask }.map { mask in
      var preview = option(
        "preview", .text, of: mask,
        "also write the image with the part that \(mask.label) marks in red, before the task begins")
      preview.value = "FILE"
      return preview
    }
    return options.filter { option in !parameters.contains { $0.name == option.name } }
  }

  private static func option(
    _ name: String, _ kind: CommandParameter.Kind, of mask: CommandParameter, _ help: String
  )
    -> CommandParameter
  {
    var option = CommandParameter(name: "\(mask.name)-\(name)", kind: kind, help: help)
    option.mask = mask.name
    option.group = mask.isPositional ? "Mask" : mask.group
    if mask.flags.contains(.advanced) { option.flags = .advanced }
    return option
  }

  /// What the values of the options do to a mask.
  static func edit(of mask: CommandParameter, _ parameters: [CommandParameter], _ values: [TypedValue])
    -> MaskEdit
  {
    func number(_ name: String) -> Int {
      let place = parameters.firstIndex { $0.mask == mask.name && $0.name == "\(mask.name)-\(name)" }
      return place.flatMap { values[$0].numbers.first }.map { Int($0) } ?? 0
    }
    return MaskEdit(isInverted: number("invert") != 0, grow: number("grow"), feather: number("feather"))
  }

  /// Throws where an option was given and the mask that it is for was not.
  static func check(
    _ options: [CommandParameter], among parameters: [CommandParameter], given texts: [String: [String]]
  )
    throws
  {
    for option in options where texts[option.name] != nil {
      guard let mask = parameters.first(where: { $0.name == option.mask }), texts[mask.name] == nil else {
        continue
      }
      throw Failure.usage("--\(option.name) needs a \(mask.label)")
    }
  }
}
