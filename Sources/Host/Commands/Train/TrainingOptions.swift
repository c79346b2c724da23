import Glibc
import RobustRuntime

/// The options of a run, checked.
struct TrainingOptions {
  var data: [String], test: [String]
  var output: String?
  let heldOut: Double
  let cache: String?
  let cacheBytes: Int
  let initial: String?
  let frozen: [String]
  let network: NetworkDescription
  let trainer: Trainer.Settings
  let wanted: RadiusControl?
  let epochs: Double
  let hours: Double?
  let batch: Int
  let phases: [Schedule.Phase]
  let rate: Double?
  let warmUp: Double
  let augmentation: Augmentation
  let log, state: String?
  let saveSeconds, evaluateEpochs: Double
  let selectionPhotos, reportPhotos: Int
  let seedRank, seedMixtures: Int
  let seed: UInt64
  let threads: Int
  let precision: Precision
  let isQuiet: Bool

  /// The largest side of the images.
  var side: Int { phases.map(\.side).max()! }
  /// The radius that the attack begins with, at the largest side.
  var eps: Double { trainer.attack.eps }
  /// The radius that is measured.
  var measuredEps: Double { wanted?.eps ?? eps }
  var isRobust: Bool { trainer.attack.steps > 0 && measuredEps > 0 }
  var statePath: String { state ?? besideModel("state") }
  var logPath: String { log ?? besideModel("jsonl") }

  var cardPath: String { besideModel("md") }
  var plotPath: String { besideModel("png") }

  /// The model's path without its extension.
  private var stem: String {
    let path = output!
    return path.hasSuffix(".safetensors") ? String(path.dropLast(12)) : path
  }
  /// What the model is called.
  var modelName: String { String(fileName(of: stem)) }

  private func besideModel(_ suffix: String) -> String { "\(stem).\(suffix)" }

  /// The peak step size for batches of this many photos.
  func peak(batch: Int) -> Double { rate ?? 0.1 * Double(batch) / 128 * (initial == nil ? 1 : 0.25) }

  /// - Throws: `Failure` of usage where a value cannot be, or two do not go together.
  init(_ values: OptionValues) throws {
    data = values[TrainOption.data]
    test = values[TrainOption.test]
    output = values[TrainOption.output]
    guard !data.isEmpty else {
      throw Failure.usage("DATA is needed: a folder of class folders, tar archives, or a list")
    }
    heldOut = values[TrainOption.heldOut]
    cache = values[TrainOption.cache]
    cacheBytes = Int(values[TrainOption.cacheLimit] * 0x1p30)
    initial = values[TrainOption.initial]
    frozen = values[TrainOption.freeze]
    phases = try Self.phases(values[TrainOption.sizes])
    if initial != nil,
      let given = TrainOption.architecture.first(where: { values.isGiven($0) })
    {
      throw Failure.usage(
        "\(given.parameter.label) and --init exclude each other: the network is that of the model")
    }
    if initial == nil, !frozen.isEmpty { throw Failure.usage("--freeze needs --init") }
    let side = phases.map(\.side).max()!
    network = try Self.network(values, side: side)
    trainer = Self.trainer(values, side: side)
    wanted = try Self.wanted(values, trainer.attack)
    epochs = values[TrainOption.epochs]
    hours = values[TrainOption.hours]
    if let hours, hours <= 0 { throw Failure.usage("--hours must be above 0, as in --hours 2.5") }
    if hours != nil, values.isGiven(TrainOption.epochs) {
      throw Failure.usage("--hours and --epochs exclude each other")
    }
    batch = values[TrainOption.batch]
    rate = values[TrainOption.rate]
    warmUp = values[TrainOption.warmUp]
    augmentation = Augmentation(
      area: Float(values[TrainOption.crop])...1, flips: values[TrainOption.flip],
      brightness: Float(values[TrainOption.brightness]), contrast: Float(values[TrainOption.contrast]),
      saturation: Float(values[TrainOption.saturation]))
    log = values[TrainOption.log]
    state = values[TrainOption.state]
    saveSeconds = values[TrainOption.saveEvery] * 60
    evaluateEpochs = values[TrainOption.evaluateEvery]
    selectionPhotos = values[TrainOption.selectionPhotos]
    reportPhotos = values[TrainOption.reportPhotos]
    seedRank = values[TrainOption.seedRank]
    seedMixtures = values[TrainOption.seedMixtures]
    seed = values[TrainOption.seed]
    threads = values[TrainOption.threads]
    isQuiet = values[TrainOption.quiet]
    precision = values[TrainOption.precision]
  }

  private static func trainer(_ values: OptionValues, side: Int) -> Trainer.Settings {
    var settings = Trainer.Settings()
    settings.attack.norm = values[TrainOption.norm]
    // 2 at 128 px; a change that looks the same has a norm that grows with the side.
    let usual = settings.attack.norm == .l2 ? Double(side) / 64 : 8.0 / 255
    settings.attack.eps = values[TrainOption.eps] ?? usual
    settings.attack.steps = values[TrainOption.attackSteps]
    settings.attack.stepSize = values[TrainOption.stepSize]
    settings.attack.randomStart = values[TrainOption.randomStart]
    settings.attack.statistics = values[TrainOption.attackNorm].statistics
    if values[TrainOption.trainingMethod] == .trades {
      settings.method = .trades(beta: values[TrainOption.beta])
    }
    settings.labelSmoothing = values[TrainOption.labelSmoothing]
    settings.momentum = values[TrainOption.momentum]
    settings.weightDecay = values[TrainOption.weightDecay]
    settings.averageDecay = values[TrainOption.average]
    return settings
  }

  private static func wanted(_ values: OptionValues, _ attack: TrainingAttack) throws -> RadiusControl? {
    guard let accuracy = values[TrainOption.wantedAccuracy] else {
      if values.isGiven(TrainOption.wantedEps) {
        throw Failure.usage("--wanted-eps needs --wanted-accuracy")
      }
      return nil
    }
    if attack.steps == 0 || attack.eps == 0 {
      throw Failure.usage("--wanted-accuracy adjusts --eps, which training without an attack does not have")
    }
    let eps = values[TrainOption.wantedEps] ?? attack.eps
    guard eps > 0 else { throw Failure.usage("--wanted-eps must be above 0") }
    return RadiusControl(accuracy: accuracy, eps: eps)
  }

  static func network(_ values: OptionValues, side: Int) throws -> NetworkDescription {
    var network = NetworkDescription()
    network.widths = try numbers("widths", values[TrainOption.widths], in: 1...8192)
    network.blocks = try numbers("blocks", values[TrainOption.blocks], in: 1...200)
    guard network.widths.count == network.blocks.count else {
      throw Failure.usage(
        "--widths has \(network.widths.count) stages and --blocks \(network.blocks.count): there must be as many"
      )
    }
    guard network.widths.count <= 6 else { throw Failure.usage("--widths has more than 6 stages") }
    network.isBottleneck = values[TrainOption.block] == .bottleneck
    network.stem = values[TrainOption.stem] == .three ? 3 : 7
    network.stemStride = values[TrainOption.stemStride] ?? (network.stem == 7 || side > 64 ? 2 : 1)
    return network
  }

  private static func numbers(_ name: String, _ text: String, in range: ClosedRange<Int>) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Int(part), range.contains(number) else {
        throw Failure.usage(
          "--\(name) takes whole numbers in \(range.lowerBound)...\(range.upperBound) with commas between, "
            + "not \(quoted(text))")
      }
      return number
    }
  }

  /// "64:0.3,128:0.7"; sizes without shares share what is left.
  private static func phases(_ text: String) throws -> [Schedule.Phase] {
    func wrong(_ why: String) -> Failure {
      .usage("--sizes \(quoted(text)): \(why); write it as in 128 or 64:0.3,128:0.7")
    }
    let parts = try text.split(separator: ",", omittingEmptySubsequences: false).map {
      part -> (side: Int, share: Double?) in
      let words = part.split(separator: ":", omittingEmptySubsequences: false)
      guard words.count <= 2, let side = Int(words[0]), (16...1024).contains(side) else {
        throw wrong("a side is not in 16...1024")
      }
      guard words.count == 2 else { return (side, nil) }
      guard let share = Double(words[1]), share > 0, share <= 1 else {
        throw wrong("a share is not in 0...1")
      }
      return (side, share)
    }
    let given = parts.compactMap(\.share).reduce(0, +)
    let open = parts.count { $0.share == nil }
    if open == 0, abs(given - 1) > 1e-6 { throw wrong("the shares add up to \(numberText(given)), not 1") }
    if open > 0, given >= 1 { throw wrong("the shares leave nothing for the other sizes") }
    return parts.map { Schedule.Phase(side: $0.side, share: $0.share ?? (1 - given) / Double(open)) }
  }
}
