import Imaging

/// What the host offers with each mask of a task: `--mask` brings `--mask-label` and `--mask-colour`, which say how it is
/// read, `--mask-invert`, `--mask-grow` and `--mask-feather`, which change it, and `--mask-preview` where the task is given
/// an image. Where it has a parameter of such a name itself, that one stays.
enum MaskOptions {
  /// The options by which the mask is read, and changed before the task gets it.
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
    var label = option(
      "label", .text, of: mask,
      "the labels that \(mask.label) marks, such as 1,3: indices of its palette or grey levels; else all but 0"
    )
    label.value = "N,..."
    var colour = option(
      "colour", .text, of: mask,
      "the colour that \(mask.label) marks: a name, such as red, or #rrggbb; or several with commas between")
    colour.value = "COLOUR,..."
    return [invert, grow, feather, label, colour].filter { !names.contains($0.name) }
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

  /// How a mask is to be read. Throws a usage failure for what is no label and no colour.
  static func reading(of mask: CommandParameter, _ parameters: [CommandParameter], _ values: [TypedValue])
    throws -> MaskReading
  {
    func parts<Part>(_ name: String, _ expected: String, _ part: (String) -> Part?) throws -> [Part] {
      guard let place = place(name, of: mask, parameters), let text = values[place].texts.last else {
        return []
      }
      return try text.split(separator: ",", omittingEmptySubsequences: false).map {
        guard let part = part(String($0)) else {
          throw Failure.usage("\(parameters[place].label) must be \(expected), not \(quoted(text))")
        }
        return part
      }
    }
    let labels = try parts("label", "whole numbers from 0 on with commas between, such as 1,3") { text in
      Int(text).flatMap { (0...Int(UInt32.max)).contains($0) ? $0 : nil }
    }
    let colours = try parts(
      "colour", "#rrggbb or one of \(Suggestion.list(NamedColour.words)), or several with commas between",
      NamedColour.init)
    if !labels.isEmpty, !colours.isEmpty {
      throw Failure.usage("--\(mask.name)-label and --\(mask.name)-colour cannot be used together")
    }
    return MaskReading(labels: labels, colours: colours)
  }

  /// Reads the file of a mask. What the user should know of how it was read comes back.
  static func open(
    _ input: Input, for mask: CommandParameter, _ parameters: [CommandParameter], _ values: [TypedValue],
    _ limits: Limits, frame: Int = 0
  ) throws -> (SourceImage, notes: [String]) {
    do {
      let (image, notes) = try reading(of: mask, parameters, values).open(
        input, limits: limits, frame: frame, digest: true)
      return (image, notes.map { text($0, for: mask) })
    } catch let error as ImagingError where error.kind == .ambiguous {
      throw Failure.failed(text(error.description, for: mask))
    }
  }

  /// A message about a mask that names the options of `--mask`, with those of this one.
  static func text(_ text: String, for mask: CommandParameter) -> String {
    ["label", "colour", "invert"].reduce(text) { $0.replacing("--mask-\($1)", with: "--\(mask.name)-\($1)") }
  }

  private static func place(_ name: String, of mask: CommandParameter, _ parameters: [CommandParameter])
    -> Int?
  {
    parameters.firstIndex { $0.mask == mask.name && $0.name == "\(mask.name)-\(name)" }
  }

  /// What the values of the options do to a mask.
  static func edit(
    of mask: CommandParameter, _ parameters: [CommandParameter], _ values: [TypedValue]
  )
    -> MaskEdit
  {
    func number(_ name: String) -> Int {
      place(name, of: mask, parameters).flatMap { values[$0].numbers.first }.map { Int($0) } ?? 0
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
