import Imaging
import RobustRuntime

extension Plugin {
  /// The options of the host's own that the task has.
  var hostOptions: [CommandParameter] {
    HostOption.all(presets: presets, takesImage: takesImage, flags: flags)
      + MaskOptions.previews(of: parameters)
  }
}

extension Plugin {
  /// Whether an image is opened for the task before it runs.
  var takesImage: Bool {
    parameters.contains { $0.kind == .image && !$0.flags.contains(.onDemand) }
  }
}

/// The options of tasks that are the host's own parameters.
enum HostOption {
  /// - Parameters:
  ///   - takesImage: whether the task is given an image.
  ///   - flags: what the task does not do, for which it has no options.
  static func all(presets: [Plugin.Preset], takesImage: Bool = true, flags: Plugin.Flags = [])
    -> [CommandParameter]
  {
    let chosen = presets.isEmpty ? [] : [preset(presets).parameter]
    var without: Set<String> = takesImage ? [] : [framesOf.parameter.name]
    let ofAscents = [frames.parameter, seed.parameter, count.parameter, rounds.parameter].map(\.name)
    if flags.contains(.noAscent) { without.formUnion(ofAscents) }
    if flags.contains(.textAlone) {
      without.formUnion(outputOptions.map(\.parameter.name).filter { $0 != report.parameter.name })
      without.formUnion(ofAscents + [framesOf.parameter.name])
    }
    return (chosen + outputOptions.grouped("Output") + runOptions.grouped("Run"))
      .filter { !without.contains($0.name) }
  }

  /// One of a plugin's presets, by its place among them.
  static func preset(_ presets: [Plugin.Preset]) -> Option<Int> {
    .choice(
      "preset", letter: "p", group: "Method", among: presets.map { .init(name: $0.name, help: $0.help) },
      "a set of values for the options that are not given")
  }

  // MARK: Output

  static let output = Option<String?>.text(
    "output", letter: "o", value: "FILE",
    "file to write, - for standard output; without it, standard output if that is a pipe or a file, "
      + "else a new file in the current folder")
  static let format = Option<OutputFormat>.choice(
    "format", flags: .advanced, "image format; auto takes it from -o, else from the input")
  static let quality = Option<Int?>.int(
    "quality", letter: "Q", limits: 1...100, initial: 90,
    "quality of JPEG, WebP, AVIF and JPEG XL; without it a JPEG made from a JPEG is encoded as that is")
  static let bitDepth = Option<BitDepth>.choice(
    "bit-depth", flags: .advanced,
    "bits of each channel where an image is made from nothing; a photo keeps its own, but 8 lets a scan of 1 bit "
      + "become grey; auto: what the task needs"
  )
  static let lossless = Option<Bool>.flag("lossless", "compress WebP, AVIF and JPEG XL without loss")
  static let stripMetadata = Option<Bool>.flag(
    "strip-metadata", "leave out EXIF, XMP and how the image was made; the colour profile stays")
  static let sheet = Option<String?>.text(
    "sheet", value: "FILE",
    "also write a contact sheet: stages and plot of the ascent, or all results if there are several; "
      + "without -o only the sheet is written, unless standard output is a pipe or a file")
  static let frames = Option<String?>.text(
    "frames", value: "FILE",
    "also write an animation of the ascent, .webp or .gif; without -o, as for --sheet")
  static let report = Option<Bool>.flag(
    "json", "print what was made and how as JSON on standard output")

  private static let outputOptions: [any DeclaredOption] = [
    output, format, quality, bitDepth, lossless, stripMetadata, sheet, frames, report,
  ]

  // MARK: Run

  static let framesOf = Option<String?>.text(
    "frames-of", value: "all|N", flags: .advanced,
    "of a GIF, WebP, AVIF or TIFF file with several frames or pages: do all, to become one file again, or frame N, from 1 on; "
      + "a mask has as many frames, or one for all")
  static let model = Option<String?>.text(
    "model", letter: "M", value: "NAME|FILE", "the robust classifier; `rtool models` lists those found")
  static let modelInfo = Option<String?>.text(
    "model-info", value: "FILE.json", flags: .advanced,
    "what the model's file does not say: classes, mean, std, side, eps, and options of its architecture")
  static let seed = Option<UInt64>.seed("the same seed gives the same image")
  static let count = Option<Int>.int(
    "count", initial: 1, limits: 1...1000, "run the task N times, with N seeds from --seed on")
  static let mostRounds = 100
  static let rounds = Option<Int>.int(
    "repeat", flags: .advanced, initial: 1, limits: 1...mostRounds,
    "run the task N times, each time on the image that the previous run made")
  static let threads = Option<Int>.int(
    "threads", letter: "t", limits: 0...256,
    "processors to use, 0 for all; the result does not depend on it")
  static let precision = Option<Precision>.choice(
    "precision", flags: .advanced,
    "number format of the network's products; bfloat16 is faster on processors that support it, and "
      + "images then differ by less than the eye can see")
  static let maxPixels = Option<Int>.int(
    "max-pixels", value: "MEGAPIXELS", flags: .advanced, initial: 268, limits: 1...10000,
    "refuse images, and results that are known to become larger, of more megapixels than this")
  static let quiet = Option<Bool>.flag("quiet", letter: "q", "say nothing but errors")
  static let verbose = Option<Bool>.flag("verbose", letter: "v", "say more about what is done")
  static let help = Option<Bool>.flag("help", letter: "h", "show this help; -h shows less")

  private static let runOptions: [any DeclaredOption] = [
    framesOf, model, modelInfo, seed, count, rounds, threads, precision, maxPixels, quiet, verbose, help,
  ]

  // MARK: Values

  /// A number as JSON holds it exactly.
  static let largestSeed: UInt64 = 9_007_199_254_740_991

  enum OutputFormat: String, CaseIterable {
    case auto, jpeg, png, webp, tiff, avif, heic, gif, jxl

    /// Nil: auto.
    var format: Format? { Format(rawValue: rawValue) }
  }

  enum BitDepth: String, CaseIterable {
    case auto
    case eight = "8"
    case sixteen = "16"

    /// Nil: auto.
    var bits: Int? { Int(rawValue) }
  }
}
