import RobustRuntime

/// `rtool bench --training`: how fast this machine takes training steps.
enum TrainingBench {
  /// The options of `rtool bench` that only training has.
  static let options: [any DeclaredOption] =
    [training] + TrainOption.architecture + [TrainOption.attackSteps, TrainOption.attackNorm]

  static let training = Option<Bool>.flag(
    "training",
    "measure training steps of a new network: an attack of one step, weight gradients, and the update")

  /// Times are in seconds, memory in bytes.
  private struct Report: Encodable {
    let architecture, precision: String
    let batch, side, threads, parameters: Int
    let steps: Int
    let first, median, fastest: Double
    /// The most that the process held, and what it held before the network was made.
    let peakMemory, idleMemory: Int
  }

  static func run(_ values: OptionValues, threads: Int, precision: Precision) throws {
    let idle = BenchCommand.peakMemory
    let (batch, side) = (values[BenchCommand.batch] ?? 32, values[BenchCommand.side] ?? 128)
    let network = try TrainingOptions.network(values, side: side)
    let classes = 45
    let tensors = network.tensors(
      classes: classes, mean: [0.45, 0.45, 0.45], deviation: [0.25, 0.25, 0.25], seed: 0)
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: ["stem_stride": "\(network.stemStride)"])
    let model = try bytes.withUnsafeBytes { try TrainableModel($0, name: "bench", averages: false) }
    var settings = Trainer.Settings()
    settings.attack.steps = values[TrainOption.attackSteps]
    settings.attack.statistics = values[TrainOption.attackNorm].statistics
    let trainer = try Trainer(model, settings: settings, images: batch, side: side)
    // Any images will do, so long as they are not flat.
    let pixels = (0..<batch * 3 * side * side).map { Float($0 &* 2_654_435_761 >> 8 & 0xFFFF) / 65535 }
    let labels = (0..<batch).map { $0 % classes }
    let end = monotonicSeconds() + values[BenchCommand.seconds]
    var times: [Double] = []
    while times.count < 3 || monotonicSeconds() < end {
      let start = monotonicSeconds()
      _ = try trainer.step(
        pixels, labels: labels, rate: 0.01, step: times.count, random: (0, UInt64(times.count) << 20))
      times.append(monotonicSeconds() - start)
      if Interrupt.isRequested { throw Failure.interrupted }
    }
    let others = times.dropFirst().sorted()
    let report = Report(
      architecture: model.facts.architecture, precision: precision.rawValue, batch: batch, side: side,
      threads: threads,
      parameters: model.parameterCount, steps: times.count, first: times[0], median: others[others.count / 2],
      fastest: others[0], peakMemory: BenchCommand.peakMemory, idleMemory: idle)
    if values[ListCommands.json] { return try Terminal.print(encodedJSON(report) + "\n") }
    try Terminal.print(
      "\(report.architecture), \(side)x\(side) px, batch \(batch), threads: \(threads), \(precision.rawValue)\n"
        + "\(rounded(Double(batch) / report.median, 1)) images/s, \(rounded(report.median * 1000, 1)) ms a step, "
        + "fastest \(rounded(report.fastest * 1000, 1)) ms, memory \((report.peakMemory - idle) >> 20) MiB\n"
    )
  }
}
