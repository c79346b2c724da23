import FoundationEssentials
import RobustRuntime

/// The options of a run of `rtool train-upscaler`, checked.
struct UpscalerRunOptions {
  let data: [String]
  let output, state: String
  let cache: String?
  let quality: ClosedRange<Int>?
  let network: UpscalerNetwork
  let steps, batch, side, evaluateEvery: Int
  let rate, saveSeconds: Double
  let seed: UInt64
  let threads: Int
  let isQuiet: Bool
  private let initial: String?
  /// What the user wrote, with whole paths.
  private let texts: [String: [String]]

  private static let paths: Set = ["data", "output", "state", "cache", "init"]
  /// What may differ when a run goes on.
  private static let changeable: Set = [
    "data", "output", "state", "cache", "steps", "rate", "threads", "quiet", "save-every", "evaluate-every",
  ]

  /// A run that begins.
  /// - Throws: `Failure`
  init(_ values: OptionValues) throws {
    try self.init(values, texts: Self.whole(values.texts))
  }

  /// A run that goes on: what is said now goes before what was said when it began.
  /// - Throws: `Failure`
  init(_ values: OptionValues, state path: String, _ texts: [String: String]) throws {
    var own = Self.whole(values.texts)
    own["resume"] = nil
    if let name = own.keys.sorted().first(where: { !Self.changeable.contains($0) }) {
      throw Failure.usage("--\(name) cannot be changed while a run goes on; begin another one with --init")
    }
    guard let text = texts["options"],
      let before = try? JSONDecoder().decode([String: [String]].self, from: Data(text.utf8))
    else { throw Failure.failed("\(path): the state does not say what was asked for") }
    own = before.merging(own) { $1 }
    if values.texts["state"] == nil { own["state"] = Self.whole(["state": [path]])["state"] }
    let merged = try OptionValues(ParsedArguments(texts: own), UpscalerOption.parameters)
    try self.init(merged, texts: own)
  }

  private init(_ values: OptionValues, texts: [String: [String]]) throws {
    self.texts = texts
    data = texts["data"] ?? []
    guard !data.isEmpty else {
      throw Failure.usage("DATA is needed: a folder of folders of photos, tar archives, or a list")
    }
    guard let output = texts["output"]?.last else {
      throw Failure.usage("--output FILE is needed: the network to write")
    }
    guard output.hasSuffix(".safetensors") else {
      throw Failure.usage("--output \(quoted(output)): a network's name ends in .safetensors")
    }
    self.output = output
    state = texts["state"]?.last ?? String(output.dropLast(12)) + ".state"
    try TrainingFiles.check([output, state])
    cache = values[UpscalerOption.cache]
    quality = try values[UpscalerOption.quality].map(Self.quality)
    initial = texts["init"]?.last
    if initial != nil, let given = UpscalerOption.architecture.first(where: { values.isGiven($0) }) {
      throw Failure.usage(
        "\(given.parameter.label) and --init exclude each other: the network is that of the file")
    }
    var own = UpscalerNetwork()
    (own.channels, own.blocks) = (values[UpscalerOption.channels], values[UpscalerOption.blocks])
    self.network = own
    (steps, batch) = (values[UpscalerOption.steps], values[UpscalerOption.batch])
    side = values[UpscalerOption.side]
    guard side % 12 == 0 else {
      throw Failure.usage("--side \(side): a multiple of 12 is needed, so that 2, 3 and 4 divide it")
    }
    evaluateEvery = values[UpscalerOption.evaluateEvery]
    rate = values[UpscalerOption.rate]
    saveSeconds = values[UpscalerOption.saveEvery] * 60
    seed = values[UpscalerOption.seed]
    threads = values[UpscalerOption.threads]
    isQuiet = values[UpscalerOption.quiet]
  }

  /// "60-95"
  private static func quality(_ text: String) throws -> ClosedRange<Int> {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], 1 <= low, low <= high, high <= 100 else {
      throw Failure.usage("--jpeg \(quoted(text)): two qualities in 1...100 are needed, as in 60-95")
    }
    return low...high
  }

  private static func whole(_ texts: [String: [String]]) -> [String: [String]] {
    let folder = FileManager.default.currentDirectoryPath
    var whole = texts
    for name in paths {
      whole[name] = texts[name]?.map { TrainingStart.absolute($0, in: folder) }
    }
    return whole
  }

  /// A trainer that begins.
  /// - Throws: `Failure`, `CheckpointError`, `RuntimeError.outOfMemory`
  func trainer() throws -> UpscalerTrainer {
    guard let initial else { return try UpscalerTrainer(network, seed: seed, images: batch, side: side) }
    guard let bytes = FileBytes.ofRegularFile(initial) else {
      throw Failure.failed("there is no file \(initial) that can be read")
    }
    return try bytes.withUnsafeBytes {
      try UpscalerTrainer(file: $0, name: initial, images: batch, side: side)
    }
  }

  /// What a state says of the run.
  func texts(data identity: String) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return ["options": String(decoding: try encoder.encode(texts), as: UTF8.self), "data": identity]
  }
}
