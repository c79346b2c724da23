/// All that is asked of a plugin, one question after the other; runs serve several questions where they can.
final class CheckSuite {
  enum Outcome: String, Encodable {
    case ok
    case failed = "FAILED"
    case skipped
  }

  struct Finding: Encodable {
    let check: String
    let outcome: Outcome
    /// What was found, or why it was not looked for.
    let text: String
  }

  private let path: String
  private let rounds: Int
  private let runner: CheckRunner
  private let tell: (Finding) -> Void
  private(set) var findings: [Finding] = []

  typealias Values = [(parameter: Parameter, text: String)]

  /// - Parameter tell: is called with each finding as it is made.
  init(
    path: String, name: String, rounds: Int, secondsAllowed: Double, tell: @escaping (Finding) -> Void
  ) throws {
    self.path = path
    self.rounds = rounds
    self.tell = tell
    runner = try CheckRunner(task: name, folder: folder(of: path), secondsAllowed: secondsAllowed)
  }

  func run() throws {
    guard let plugin = try load() else {
      return skip(
        [
          "manifest", "run", "pixels", "seed", "threads", "sizes", "images", "values", "illegal", "cancel",
          "inputs",
        ],
        "it cannot be loaded")
    }
    let faults = ManifestCheck.faults(of: plugin)
    let counts =
      "\(plugin.parameters.count) parameters, \(plugin.presets.count) presets, \(plugin.examples.count) examples"
    report("manifest", faults.isEmpty ? nil : faults.joined(separator: "; "), counts)

    let classCount = try ModelSearch.facts(ModelSearch.find(nil)).classes.count
    let small = SampleValues(
      images: try runner.images("96x80", width: 96, height: 80), classCount: classCount)
    guard let (names, first) = try firstRun(plugin, small) else {
      skip(["pixels", "seed", "threads", "sizes", "images", "values"], "it does not run")
      try illegal(plugin, given: [], small)
      skip(["cancel"], "it does not run")
      return inputs()
    }
    func values(_ sample: SampleValues) -> Values { Self.values(of: names, plugin, sample) }
    try reproducible(values(small), first)
    let effort = try littleEffort(plugin, values(small))
    let slowest = try shapes(plugin, classCount: classCount) { values($0).replacing(effort) }
    try randomValues(plugin, given: names, small)
    try illegal(plugin, given: names, small)
    if let large = slowest.images {
      try cancel(values(SampleValues(images: large, classCount: classCount)), seconds: slowest.seconds)
    } else {
      try cancel(values(small), seconds: first.seconds)
    }
    inputs()
  }

  // MARK: The questions

  private func load() throws -> Plugin? {
    let run = try runner.run([runner.task, "--version"])
    guard run.isDone else {
      report("load", run.end == .exited(1) || run.isUsage ? run.message : run.fault() ?? run.message)
      return nil
    }
    func fastest(_ arguments: [String]) throws -> Double {
      try (0..<3).map { _ in try runner.run(arguments).seconds }.min()!
    }
    let milliseconds = try max(0, fastest([runner.task, "--version"]) - fastest(["--version"])) * 1000
    let time = "\(numberText(milliseconds.rounded())) ms"
    do throws(PluginRejection) {
      let plugin = try Plugin(path: path, name: runner.task)
      report("load", nil, milliseconds < 100 ? time : "\(time): more than 100 ms are felt")
      return plugin
    } catch {
      report("load", error.reason)
      return nil
    }
  }

  /// Runs the task as it is meant: with what is required alone, else with masks as well, else as in its examples.
  /// The names of the parameters that were given.
  private func firstRun(_ plugin: Plugin, _ sample: SampleValues) throws -> (Set<String>, CheckedRun)? {
    let required = Set(plugin.parameters.filter { $0.flags.contains(.required) }.map(\.name))
    let masks = required.union(plugin.parameters.filter { $0.kind == .mask }.map(\.name))
    var attempts = [required, masks]
    for example in plugin.examples {
      let parsed = try? ParsedArguments(
        ManifestCheck.words(of: example.arguments),
        parameters: plugin.parameters + HostOption.all(presets: plugin.presets))
      attempts.append(required.union(plugin.parameters.map(\.name).filter { parsed?.texts[$0] != nil }))
    }
    var refusal: CheckedRun?
    for names in attempts {
      let run = try runner.run(Self.values(of: names, plugin, sample), host: ["--threads=1"])
      if run.isUsage {
        refusal = refusal ?? run
        continue
      }
      if run.isDone, let fault = run.fault() {
        report("run", "\(fault): \(run.command)")
        return nil
      }
      if !run.isDone {
        let isPixels = run.message.hasPrefix(CheckedRun.mistake) && run.message.contains("no numbers")
        if isPixels {
          report("run", nil, run.command)
          report("pixels", "\(run.message): \(run.command)")
          skipsPixels = true
        } else {
          report("run", "\(run.fault() ?? run.message): \(run.command)")
        }
        return nil
      }
      report("run", nil, "\(Self.time(run.seconds)): \(run.command)")
      report(
        "pixels", nil, "\(run.results.count) result\(run.results.count == 1 ? "" : "s") of finite numbers")
      skipsPixels = true
      return (names, run)
    }
    report("run", "it refuses even its own examples: \(refusal?.message ?? ""): \(refusal?.command ?? "")")
    return nil
  }

  private var skipsPixels = false

  private func reproducible(_ values: Values, _ first: CheckedRun) throws {
    let twoThreads = try runner.run(values, host: ["--threads=2"])
    if twoThreads.results == first.results {
      report("seed", nil, "the same bytes twice")
      return report("threads", nil, "the same bytes with 1 and 2 threads")
    }
    let again = try runner.run(values, host: ["--threads=1"])
    if again.results == first.results {
      report("seed", nil, "the same bytes twice")
      report("threads", "with --threads 2 it makes other bytes than with --threads 1: \(first.command)")
    } else {
      report("seed", "the same command makes other bytes when it is run again: \(first.command)")
      skip(["threads"], "it makes other bytes each time")
    }
  }

  /// Small numbers of steps, where the task takes them.
  private func littleEffort(_ plugin: Plugin, _ values: Values) throws -> Values {
    let effort = plugin.parameters.filter(\.isEffort).map { ($0, numberText($0.littleEffort)) }
    if effort.isEmpty { return [] }
    return try runner.run(values.replacing(effort)).isUsage ? [] : effort
  }

  /// Images of all sizes and kinds. The largest, and how long it took.
  private func shapes(_ plugin: Plugin, classCount: Int, _ values: (SampleValues) -> Values) throws
    -> (images: SampleImages?, seconds: Double)
  {
    guard plugin.parameters.contains(where: { $0.kind == .image }) else {
      skip(["sizes", "images"], "it takes no image")
      return (nil, 0)
    }
    var slowest: (images: SampleImages?, seconds: Double) = (nil, 0)
    var faults: [String] = []
    for (width, height) in [(1, 1), (3, 2), (1, 200), (1500, 1000)] {
      let images = try runner.images("\(width)x\(height)", width: width, height: height)
      let run = try runner.run(values(SampleValues(images: images, classCount: classCount)))
      if let fault = run.fault() { faults.append("\(width)x\(height): \(fault): \(run.command)") }
      slowest = (images, run.seconds)
    }
    report(
      "sizes", faults.first,
      "1x1, 3x2, 1x200 and 1500x1000 pixels, the last in \(Self.time(slowest.seconds))")
    faults = []
    for (name, channels, depth) in [("grey", 1, 8), ("alpha", 4, 8), ("16-bit", 3, 16)] {
      let images = try runner.images(name, width: 96, height: 80, channels: channels, bitDepth: depth)
      let run = try runner.run(values(SampleValues(images: images, classCount: classCount)))
      if let fault = run.fault() { faults.append("\(name): \(fault): \(run.command)") }
    }
    report("images", faults.first, "grey, alpha and 16-bit")
    return slowest
  }

  private func randomValues(_ plugin: Plugin, given names: Set<String>, _ sample: SampleValues) throws {
    if rounds == 0 { return skip(["values"], "no rounds were asked for") }
    var counts = (done: 0, refused: 0)
    for round in 0..<rounds {
      var generator = SplitMix(seed: UInt64(round))
      var values: Values = []
      for parameter in plugin.parameters {
        if names.contains(parameter.name), [.image, .mask].contains(parameter.kind) {
          values.append((parameter, sample.usual(parameter)))
        } else if names.contains(parameter.name) || parameter.isEffort || Bool.random(using: &generator) {
          values.append((parameter, sample.random(parameter, &generator)))
        }
      }
      // A positional one cannot be given without those before it.
      if let gap = plugin.parameters.first(where: { parameter in
        parameter.isPositional && !values.contains { $0.parameter.name == parameter.name }
      }) {
        let index = plugin.parameters.firstIndex { $0.name == gap.name }!
        let later = Set(plugin.parameters[index...].filter(\.isPositional).map(\.name))
        values.removeAll { later.contains($0.parameter.name) }
      }
      let run = try runner.run(values, host: ["--seed=\(round)"])
      if let fault = run.fault(mayRefuse: true) {
        return report("values", "round \(round + 1): \(fault): \(run.command)")
      }
      if run.isDone { counts.done += 1 } else { counts.refused += 1 }
    }
    report(
      "values", nil, "\(rounds) random rounds, \(counts.done) done and \(counts.refused) refused in one line")
  }

  private func illegal(_ plugin: Plugin, given names: Set<String>, _ sample: SampleValues) throws {
    let values = Self.values(of: names, plugin, sample)
    var count = 0
    for parameter in plugin.parameters {
      guard let text = SampleValues.illegal(parameter) else { continue }
      count += 1
      let run = try runner.run(values.replacing([(parameter, text)]))
      if !run.isUsage {
        let what = run.isDone ? "is taken" : "ends with \(run.fault() ?? run.message)"
        return report("illegal", "\(quoted(text)) for \(parameter.label) \(what): \(run.command)")
      }
    }
    report("illegal", nil, "\(count) illegal values are refused")
  }

  /// Interrupts a run that would take about so many seconds or more.
  private func cancel(_ values: Values, seconds: Double) throws {
    let patience = 5.0
    let moment = min(max(0.1, seconds / 2), 2)
    let run = try runner.run(values, interruptedAfter: moment, secondsAllowed: moment + patience)
    switch run.end {
    case .exited(130):
      let files = run.results.keys.sorted().joined(separator: ", ")
      report(
        "cancel", files.isEmpty ? nil : "it was interrupted and left \(files): \(run.command)",
        "it ends \(Self.time(max(0, run.seconds - moment))) after Ctrl-C and leaves nothing")
    case .exited(0): report("cancel", nil, "it is done before it can be interrupted")
    case .timedOut:
      report("cancel", "it does not end within \(numberText(patience)) s of Ctrl-C: \(run.command)")
    default: report("cancel", "after Ctrl-C: \(run.fault() ?? run.message): \(run.command)")
    }
  }

  private func inputs() {
    report("inputs", runner.damage, "no input file was changed")
  }

  // MARK: Helpers

  private static func values(of names: Set<String>, _ plugin: Plugin, _ sample: SampleValues) -> Values {
    plugin.parameters.filter { names.contains($0.name) }.map { ($0, sample.usual($0)) }
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 1
      ? "\(numberText((seconds * 1000).rounded())) ms" : "\(numberText((seconds * 10).rounded() / 10)) s"
  }

  private func report(_ check: String, _ fault: String?, _ text: String = "") {
    add(Finding(check: check, outcome: fault == nil ? .ok : .failed, text: fault ?? text))
  }

  private func skip(_ checks: [String], _ why: String) {
    for check in checks where check != "pixels" || !skipsPixels {
      add(Finding(check: check, outcome: .skipped, text: why))
    }
  }

  private func add(_ finding: Finding) {
    findings.append(finding)
    tell(finding)
  }
}

extension CheckSuite.Values {
  /// These values, with others for some parameters.
  fileprivate func replacing(_ others: CheckSuite.Values) -> CheckSuite.Values {
    let names = Set(others.map(\.parameter.name))
    return filter { !names.contains($0.parameter.name) } + others
  }
}
