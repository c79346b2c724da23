import RobustRuntime

extension Plugin {
  /// The options of the host's own that the task has.
  var hostOptions: [Parameter] { HostOption.all(presets: presets) + MaskOptions.previews(of: parameters) }
}

/// The options that every task has: the host's own parameters.
enum HostOption {
  static func all(presets: [Plugin.Preset]) -> [Parameter] {
    var options: [Parameter] = []
    if !presets.isEmpty {
      var preset = Parameter(
        name: "preset", kind: .choice, help: "a set of values for the options that are not given")
      preset.letter = "p"
      preset.choices = presets.map { .init(name: $0.name, help: $0.help) }
      preset.group = "Method"
      options.append(preset)
    }
    return options + output + run
  }

  static let output: [Parameter] = [
    option(
      "output", .text, letter: "o", value: "FILE", group: "Output",
      "where to write, - for standard output; without it the pipe, or a new file in the current folder"),
    option(
      "format", .choice, group: "Output", choices: ["auto"] + formats, flags: .advanced,
      "image format; auto takes it from -o, else from the input"),
    option(
      "quality", .int, letter: "Q", group: "Output", flags: .auto, initial: 90, limits: 1...100,
      "quality of JPEG, WebP and AVIF"),
    option(
      "bit-depth", .choice, group: "Output", choices: ["8", "16"], flags: .advanced,
      "bits of each channel where an image is made from nothing; a photo keeps its own"),
    option("lossless", .bool, group: "Output", "compress WebP and AVIF without loss"),
    option(
      "strip-metadata", .bool, group: "Output",
      "leave out EXIF, XMP and how the image was made; the colour profile stays"),
    option(
      "sheet", .text, value: "FILE", group: "Output",
      "write a contact sheet too: stages and plot of the ascent, or all results; without -o it is all that is "
        + "written, unless into a pipe"),
    option(
      "frames", .text, value: "FILE", group: "Output",
      "write an animation of the ascent too, .webp or .gif; without -o as --sheet"),
    option(
      "json", .bool, group: "Output",
      "tell on standard output, for programs, what was made and how"),
  ]

  static let run: [Parameter] = [
    option(
      "model", .text, letter: "M", value: "NAME|FILE", group: "Run",
      "the robust classifier; `rtool models` lists those found"),
    option(
      "seed", .int, letter: "s", group: "Run", limits: 0...Double(largestSeed),
      "the same seed gives the same image"),
    option(
      "count", .int, group: "Run", initial: 1, limits: 1...1000,
      "do the task so many times, with --seed and the seeds after it"),
    option(
      "repeat", .int, group: "Run", flags: .advanced, initial: 1, limits: 1...100,
      "do the task so often, each time with the image that it made before"),
    option(
      "threads", .int, letter: "t", group: "Run", limits: 0...256,
      "processors to use, 0 for all; the result does not depend on it"),
    precision,
    option(
      "max-pixels", .int, value: "MEGAPIXELS", group: "Run", flags: .advanced, initial: 268,
      limits: 1...10000, "refuse images of more megapixels than this"),
    option("quiet", .bool, letter: "q", group: "Run", "say nothing but errors"),
    option("verbose", .bool, letter: "v", group: "Run", "say more about what is done"),
    option("help", .bool, letter: "h", group: "Run", "show this help; -h shows less"),
  ]

  static let precision = option(
    "precision", .choice, group: "Run", choices: Precision.allCases.map(\.rawValue), flags: .advanced,
    "bfloat16 is faster on processors that have it; images then differ by less than the eye sees")

  /// A number as JSON holds it exactly.
  static let largestSeed: UInt64 = 9_007_199_254_740_991

  static let formats = ["jpeg", "png", "webp", "tiff", "avif", "heic", "gif"]

  private static func option(
    _ name: String, _ kind: Parameter.Kind, letter: Character? = nil, value: String? = nil, group: String,
    choices: [String] = [], flags: Parameter.Flags = [], initial: Double = 0,
    limits: ClosedRange<Double>? = nil,
    _ help: String
  ) -> Parameter {
    var parameter = Parameter(name: name, kind: kind, help: help, flags: flags)
    parameter.letter = letter
    parameter.value = value
    parameter.group = group
    parameter.choices = choices.map { .init(name: $0, help: "") }
    parameter.initial = initial
    parameter.limits = limits
    return parameter
  }
}
