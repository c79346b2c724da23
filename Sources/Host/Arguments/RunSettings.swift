import Imaging
import RobustRuntime

/// The host's own options, checked.
struct RunSettings {
  let preset: Plugin.Preset?
  let output: String?
  let format: Format?
  let options: WriteOptions
  /// Of images made from nothing.
  let bitDepth: Int
  /// Where a contact sheet goes, and an animation of the ascent; nil: not wanted.
  let sheet, frames: SideFile?
  /// Where masks are shown, by their names.
  let previews: [String: SideFile]
  let model: String?
  let seed: UInt64
  /// How often the task is done, each time with the next seed.
  let count: Int
  /// How often the task is done on its own result, the first time included.
  let rounds: Int
  let threads: Int
  let precision: Precision
  let limits: Limits
  let isQuiet, isVerbose, wantsJSON: Bool

  init(_ values: [String: TypedValue], plugin: Plugin) throws {
    let presets = plugin.presets
    func number(_ name: String) -> Double { values[name]?.numbers.first ?? 0 }
    func text(_ name: String) -> String? { values[name]?.texts.first }
    func isOn(_ name: String) -> Bool { number(name) != 0 }
    preset = presets.isEmpty ? nil : presets[Int(number("preset"))]
    output = text("output")
    format = number("format") == 0 ? nil : Format(rawValue: HostOption.formats[Int(number("format")) - 1])
    options = WriteOptions(
      quality: values["quality"]?.numbers.first.map { Int($0) }, lossless: isOn("lossless"),
      stripMetadata: isOn("strip-metadata"))
    bitDepth = number("bit-depth") == 0 ? 8 : 16
    sheet = try text("sheet").map {
      try SideFile($0, option: "--sheet", formats: Format.allCases, fallback: .png)
    }
    frames = try text("frames").map { try SideFile($0, option: "--frames", formats: Animation.formats) }
    var previews: [String: SideFile] = [:]
    for option in plugin.hostOptions {
      guard let mask = option.mask, let path = text(option.name) else { continue }
      previews[mask] = try SideFile(
        path, option: "--\(option.name)", formats: Format.allCases, fallback: .png)
    }
    self.previews = previews
    model = text("model")
    seed = UInt64(number("seed"))
    count = Int(number("count"))
    rounds = Int(number("repeat"))
    threads = Int(number("threads"))
    precision = Precision.allCases[Int(number("precision"))]
    limits = Limits(maxPixels: Int(number("max-pixels")) * 1_000_000)
    isQuiet = isOn("quiet")
    isVerbose = isOn("verbose")
    wantsJSON = isOn("json")
    try checkNames()
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

  /// Whether the course of the ascents will be shown: a sheet of several runs has only what came of them.
  var wantsRecording: Bool { frames != nil || sheet != nil && count == 1 }
}
