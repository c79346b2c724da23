import Imaging
import RobustRuntime

/// The host's own options, checked.
struct RunSettings {
  let preset: Plugin.Preset?
  let output: String?
  let format: Format?
  let options: WriteOptions
  /// Bits of each channel of images made from nothing; nil: as the task says.
  let bitDepth: Int?
  /// Where a contact sheet goes, and an animation of the ascent; nil: not wanted.
  let sheet, frames: SideFile?
  /// Which frames of the first image are worked on.
  let frameChoice: FrameChoice
  /// Where masks are shown, by their names.
  let previews: [String: SideFile]
  let model: String?
  /// What the user says of it: a file.
  let modelInfo: String?
  let seed: UInt64
  /// How often the task is done, each time with the next seed.
  let count: Int
  /// How often the task is done on its own result, the first time included.
  let rounds: Int
  let threads: Int
  let precision: Precision
  let limits: Limits
  let isQuiet, isVerbose, wantsJSON: Bool

  /// - Throws: `Failure` of usage where a value cannot be, or two do not go together.
  init(_ parsed: ParsedArguments, plugin: Plugin) throws {
    let values = try OptionValues(parsed, plugin.hostOptions)
    let presets = plugin.presets
    preset = presets.isEmpty ? nil : presets[values[HostOption.preset(presets)]]
    output = values[HostOption.output]
    format = values[HostOption.format].format
    options = WriteOptions(
      quality: values[HostOption.quality], lossless: values[HostOption.lossless],
      stripMetadata: values[HostOption.stripMetadata], keepsBilevel: values[HostOption.bitDepth] == .auto)
    bitDepth = values[HostOption.bitDepth].bits
    sheet = try values[HostOption.sheet].map {
      try SideFile($0, option: "--sheet", formats: Format.written, fallback: .png)
    }
    frames = try values[HostOption.frames].map {
      try SideFile($0, option: "--frames", formats: Animation.formats)
    }
    frameChoice = try FrameChoice(values[HostOption.framesOf])
    var previews: [String: SideFile] = [:]
    for option in plugin.hostOptions {
      guard let mask = option.mask, let path = values.texts[option.name]?.last else { continue }
      previews[mask] = try SideFile(
        path, option: "--\(option.name)", formats: Format.written, fallback: .png)
    }
    self.previews = previews
    model = values[HostOption.model]
    modelInfo = values[HostOption.modelInfo]
    seed = values[HostOption.seed]
    count = values[HostOption.count]
    rounds = values[HostOption.rounds]
    threads = values[HostOption.threads]
    precision = values[HostOption.precision]
    limits = Limits(maxPixels: values[HostOption.maxPixels] * 1_000_000)
    isQuiet = values[HostOption.quiet]
    isVerbose = values[HostOption.verbose]
    wantsJSON = values[HostOption.report]
    try checkNames()
    if frameChoice == .all, sheet != nil || frames != nil {
      throw Failure.usage("--frames-of all cannot be used with \(sheet != nil ? "--sheet" : "--frames")")
    }
    guard seed + UInt64(count - 1) <= HostOption.largestSeed else {
      throw Failure.usage("--seed and --count go beyond the largest seed, \(HostOption.largestSeed)")
    }
  }

  private func checkNames() throws {
    let names = [output, sheet?.path, frames?.path].compactMap(\.self) + previews.values.map(\.path)
    for (index, name) in names.enumerated() where names[..<index].contains(name) {
      throw Failure.usage("\(name) is named for two outputs; give each its own file")
    }
  }

  /// Bits of each channel that the file of an image made from nothing keeps as they are; 0: its format alters them.
  var keptBits: Int {
    let format = format ?? output.flatMap(Format.init(path:)) ?? .png
    return format.keptBits(lossless: options.lossless, wanted: bitDepth)
  }

  /// Whether the course of the ascents will be shown: a sheet of several runs has only what came of them.
  var wantsRecording: Bool { frames != nil || sheet != nil && count == 1 }
}
