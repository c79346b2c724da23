import Glibc
import RobustRuntime

/// `rtool bench`: how fast this machine takes ascent steps with a model, or training steps.
enum BenchCommand {
  static let seconds = Option<Double>.real(
    "seconds", initial: 10, limits: 0.1...3600, "how long to measure, in all")
  static let side = Option<Int?>.int(
    "side", limits: 1...4096, "side of the images in pixels; auto is the model's own")
  static let batch = Option<Int?>.int("batch", limits: 1...1024, "images at once; auto measures 1 and 8")
  static let threads = Option<Int>.int(
    "threads", letter: "t", limits: 0...256, "processors to use, 0 for all")
  private static let layers = Option<Bool>.flag(
    "layers", "list how long each layer takes, and its share of the machine's peak")

  static let parameters: [CommandParameter] = {
    let options: [any DeclaredOption] = [
      ListCommands.model, ListCommands.modelInfo, seconds, side, batch, threads, HostOption.precision, layers,
    ]
    return (options + TrainingBench.options).parameters + ListCommands.parameters
  }()

  /// Times are in seconds, memory in bytes.
  private struct Report: Encodable {
    let model, architecture, precision: String
    let side, threads: Int
    /// Reading the model.
    let load: Double
    var batches: [Batch] = []
    /// The most that the process ever held.
    var peakMemory = 0
  }

  private struct Batch: Encodable {
    let batch, steps: Int
    /// What the first step took, with all that is prepared once.
    let first: Double
    /// Seconds that one of the other steps took.
    let median, fastest: Double
    var stepsPerSecond: Double { 1 / median }
  }

  static func run(_ values: OptionValues) throws {
    let threads = configureRuntime(threads: values[threads])
    let precision = values[HostOption.precision]
    try configureRuntime(precision: precision)
    if values[TrainingBench.training] {
      return try TrainingBench.run(values, threads: threads, precision: precision)
    }
    let isJSON = values[ListCommands.json]
    let start = monotonicSeconds()
    let classifier = try ModelSearch.load(
      ModelSearch.find(values[ListCommands.model], info: values[ListCommands.modelInfo]))
    let facts = classifier.facts
    var report = Report(
      model: facts.name, architecture: facts.architecture, precision: precision.rawValue,
      side: values[side] ?? facts.side,
      threads: threads, load: monotonicSeconds() - start)
    let batches = values[batch].map { [$0] } ?? [1, 8]
    if values[layers] {
      let found = try layers(classifier, batches: batches, side: report.side)
      try Terminal.print(isJSON ? encodedJSON(found) + "\n" : text(found))
      return
    }
    for batch in batches {
      let seconds = values[seconds] / Double(batches.count)
      report.batches.append(
        try measure(classifier, batch: batch, side: report.side, seconds: seconds))
      if Interrupt.isRequested { throw Failure.interrupted }
    }
    report.peakMemory = peakMemory
    try Terminal.print(isJSON ? encodedJSON(report) + "\n" : text(report))
  }

  /// Ascent steps towards one class: logits, cross-entropy, its gradient in the pixels, and the step itself.
  private static func measure(
    _ classifier: Classifier, batch: Int, side: Int, seconds: Double
  ) throws -> Batch {
    // Any images will do, so long as they are not flat.
    let values = (0..<batch * 3 * side * side).map { Float($0 &* 2_654_435_761 >> 8 & 0xFFFF) / 65535 }
    let images = ImageBatch(count: batch, height: side, width: side, pixels: values)
    var times: [Double] = []
    var last = monotonicSeconds()
    let end = last + seconds
    _ = try classifier.ascend(
      from: images, objective: Objective([Objective.Term(.crossEntropy([ClassWeight(0)]))]),
      settings: AscentSettings(steps: 1_000_000, stepSize: 0.5)
    ) { _ in
      let now = monotonicSeconds()
      times.append(now - last)
      last = now
      return (now < end || times.count < 3) && !Interrupt.isRequested
    }
    let others = times.dropFirst().sorted()
    guard let fastest = others.first else { throw Failure.interrupted }
    return Batch(
      batch: batch, steps: times.count, first: times[0], median: others[others.count / 2], fastest: fastest)
  }

  /// Floating-point operations are those of the plain algorithm, per second; times in seconds.
  private struct Layers: Encodable {
    /// Operations per second on the threads used: products in registers, and tiles of which the convolutions are made.
    let registerPeak, tilePeak: Double
    /// Operations per second of the CPU's matrix units, where it has such, of which gradients are made.
    let matrixUnitPeak: Double?
    var batches: [Batch] = []

    struct Batch: Encodable {
      let batch: Int
      let layers: [Layer]
    }

    struct Layer: Encodable {
      let name: String
      let operations, forward, backward: Double
    }
  }

  private static func layers(_ classifier: Classifier, batches: [Int], side: Int) throws -> Layers {
    var found = Layers(
      registerPeak: Peaks.registers(), tilePeak: Peaks.microKernel(),
      matrixUnitPeak: Peaks.matrixUnits())
    for batch in batches {
      let times = try classifier.stepTimes(images: batch, height: side, width: side, passes: 20)
      found.batches.append(
        Layers.Batch(
          batch: batch,
          layers: times.map {
            Layers.Layer(name: $0.name, operations: $0.operations, forward: $0.forward, backward: $0.backward)
          }))
    }
    return found
  }

  /// A table of milliseconds, GFLOP/s and their share of the peak, forward and backward.
  private static func text(_ found: Layers) -> String {
    func column(_ value: Double) -> String {
      let whole = Int(value * 100)
      return padded(whole / 100, 6) + "." + (whole % 100 < 10 ? "0" : "") + "\(whole % 100)"
    }
    func percent(_ speed: Double) -> String { padded(Int(100 * speed / found.registerPeak), 4) + "%" }
    var text = "peak: \(Int(found.registerPeak * 1e-9)) GFLOP/s by products in registers (100%), "
    text += "\(Int(found.tilePeak * 1e-9)) by the tiles of the convolutions"
    if let peak = found.matrixUnitPeak { text += ", \(Int(peak * 1e-9)) by matrix units, for gradients" }
    text += "\n"
    for batch in found.batches {
      text +=
        "batch \(batch.batch): ms, GFLOP/s of the plain algorithm and share forward, the same backward\n"
      for layer in batch.layers {
        for seconds in [layer.forward, layer.backward] {
          let speed = layer.operations / seconds
          text += column(seconds * 1e3) + padded(Int(speed * 1e-9), 5) + percent(speed)
        }
        text += "  \(layer.name)\n"
      }
      let forward = batch.layers.reduce(0) { $0 + $1.forward }
      let backward = batch.layers.reduce(0) { $0 + $1.backward }
      let operations = batch.layers.reduce(0) { $0 + $1.operations }
      for seconds in [forward, backward] {
        text +=
          column(seconds * 1e3) + padded(Int(operations / seconds * 1e-9), 5) + percent(operations / seconds)
      }
      text += "  sum\n"
    }
    return text
  }

  private static func text(_ report: Report) -> String {
    func rounded(_ value: Double, _ places: Double) -> String {
      numberText((value * places).rounded() / places)
    }
    var text = "\(report.model): \(report.architecture)\n"
    text += "\(report.side)x\(report.side) px, threads: \(report.threads), \(report.precision)\n"
    for batch in report.batches {
      text += "batch \(batch.batch): \(rounded(batch.stepsPerSecond, 10)) steps/s, "
      text += "\(rounded(batch.stepsPerSecond * Double(batch.batch), 10)) images/s, "
      text += "\(rounded(batch.median * 1000, 100)) ms a step\n"
    }
    text += "model read in \(rounded(report.load * 1000, 10)) ms, first step after "
    text += "\(rounded((report.load + (report.batches.first?.first ?? 0)) * 1000, 10)) ms, "
    return text + "peak memory \(report.peakMemory >> 20) MiB\n"
  }

  /// Bytes of this program alone; the kernel's resource usage counts those of the program that started it as well.
  static var peakMemory: Int {
    SystemFile.field("VmHWM:", of: "/proc/self/status").flatMap { Int($0) }.map { $0 << 10 } ?? 0
  }
}
