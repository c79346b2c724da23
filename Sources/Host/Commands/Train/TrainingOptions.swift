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

  init(_ parsed: ParsedArguments) throws {
    let v = CommandValues(parsed, TrainCommand.parameters)
    (data, test, output) = try (v.texts("data"), v.texts("test"), v.text("output"))
    guard !data.isEmpty else {
      throw Failure.usage("DATA is needed: a folder of class folders, tar archives, or a list")
    }
    heldOut = try v.number("held-out")
    cache = try v.text("cache")
    cacheBytes = Int(try v.number("cache-limit") * 0x1p30)
    (initial, frozen) = try (v.text("init"), v.texts("freeze"))
    phases = try Self.phases(v.text("sizes")!)
    if initial != nil,
      let given = ["widths", "blocks", "block", "stem", "stem-stride"].first(where: v.isGiven)
    {
      throw Failure.usage("--\(given) and --init exclude each other: the network is that of the model")
    }
    if initial == nil, !frozen.isEmpty { throw Failure.usage("--freeze needs --init") }
    let side = phases.map(\.side).max()!
    network = try Self.network(v, side: side)
    trainer = try Self.trainer(v, side: side)
    let attack = trainer.attack
    if let accuracy = try v.optional("wanted-accuracy") {
      if attack.steps == 0 || attack.eps == 0 {
        throw Failure.usage("--wanted-accuracy moves --eps, but without attack there is none")
      }
      let eps = try v.optional("wanted-eps") ?? attack.eps
      guard eps > 0 else { throw Failure.usage("--wanted-eps must be above 0") }
      wanted = RadiusControl(accuracy: accuracy, eps: eps)
    } else if v.isGiven("wanted-eps") {
      throw Failure.usage("--wanted-eps needs --wanted-accuracy")
    } else {
      wanted = nil
    }
    (epochs, hours) = try (v.number("epochs"), v.optional("hours"))
    if let hours, hours <= 0 { throw Failure.usage("--hours must be above 0, as in --hours 2.5") }
    if hours != nil, v.isGiven("epochs") { throw Failure.usage("--hours and --epochs exclude each other") }
    batch = try v.int("batch")
    (rate, warmUp) = try (v.optional("rate"), v.number("warm-up"))
    augmentation = Augmentation(
      area: Float(try v.number("crop"))...1, flips: try v.isOn("flip"),
      brightness: Float(try v.number("brightness")),
      contrast: Float(try v.number("contrast")), saturation: Float(try v.number("saturation")))
    (log, state) = try (v.text("log"), v.text("state"))
    saveSeconds = try v.number("save-every") * 60
    evaluateEpochs = try v.number("evaluate-every")
    (selectionPhotos, reportPhotos) = try (v.int("selection-photos"), v.int("report-photos"))
    (seedRank, seedMixtures) = try (v.int("seed-rank"), v.int("seed-mixtures"))
    seed = UInt64(try v.number("seed"))
    (threads, isQuiet) = try (v.int("threads"), v.isOn("quiet"))
    precision = Precision.allCases[try v.int("precision")]
  }

  private static func trainer(_ v: CommandValues, side: Int) throws -> Trainer.Settings {
    var settings = Trainer.Settings()
    settings.attack.norm = TrainingAttack.Norm(rawValue: try v.choice("norm"))!
    // 2 at 128 px; a change that looks the same has a norm that grows with the side.
    let usual = settings.attack.norm == .l2 ? Double(side) / 64 : 8.0 / 255
    settings.attack.eps = try v.optional("eps") ?? usual
    settings.attack.steps = try v.int("attack-steps")
    settings.attack.stepSize = try v.optional("step-size")
    settings.attack.randomStart = try v.isOn("random-start")
    settings.attack.statistics = try v.choice("attack-norm") == "training" ? .batch : .running
    if try v.choice("method") == "trades" { settings.method = .trades(beta: try v.number("beta")) }
    settings.labelSmoothing = try v.number("label-smoothing")
    settings.momentum = try v.number("momentum")
    settings.weightDecay = try v.number("weight-decay")
    settings.averageDecay = try v.number("average")
    return settings
  }

  static func network(_ v: CommandValues, side: Int) throws -> NetworkDescription {
    var network = NetworkDescription()
    network.widths = try numbers("widths", v.text("widths")!, in: 1...8192)
    network.blocks = try numbers("blocks", v.text("blocks")!, in: 1...200)
    guard network.widths.count == network.blocks.count else {
      throw Failure.usage(
        "--widths has \(network.widths.count) stages and --blocks \(network.blocks.count): there must be as many"
      )
    }
    guard network.widths.count <= 6 else { throw Failure.usage("--widths has more than 6 stages") }
    network.isBottleneck = try v.choice("block") == "bottleneck"
    network.stem = try v.choice("stem") == "3x3" ? 3 : 7
    network.stemStride =
      try v.optional("stem-stride").map { Int($0) } ?? (network.stem == 7 || side > 64 ? 2 : 1)
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
