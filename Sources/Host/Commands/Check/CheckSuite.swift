import Imaging
import RobustRuntime

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

  let path: String
  let rounds: Int
  let runner: CheckRunner
  private let tell: (Finding) -> Void
  private(set) var findings: [Finding] = []

  typealias Values = [(parameter: CommandParameter, text: String)]

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
    runner.hostOptions = Set(plugin.hostOptions.map(\.name))
    let faults = ManifestCheck.faults(of: plugin)
    let built = plugin.builtWith.map { ", built with \(Plugin.versionText($0))" } ?? ""
    let counts =
      "\(plugin.parameters.count) parameters, \(plugin.presets.count) presets, \(plugin.examples.count) examples; "
      + "needs interface \(Plugin.versionText(plugin.needs))\(built)"
    report("manifest", faults.isEmpty ? nil : faults.joined(separator: "; "), counts)

    let facts = try ModelSearch.facts(ModelSearch.find(nil))
    let small = SampleValues(
      images: try runner.images("96x80", width: 96, height: 80), facts: facts)
    guard let (names, first) = try firstRun(plugin, small) else {
      skip(["pixels", "seed", "threads", "sizes", "images", "values"], "it does not run")
      try illegal(plugin, given: [], small)
      skip(["cancel"], "it does not run")
      return inputs()
    }
    func values(_ sample: SampleValues) -> Values { Self.values(of: names, plugin, sample) }
    try reproducible(values(small), first)
    let effort = try littleEffort(plugin, values(small))
    let slowest = try shapes(plugin, facts: facts) { values($0).replacing(effort) }
    try randomValues(plugin, given: names, small)
    try illegal(plugin, given: names, small)
    if let large = slowest.images {
      try cancel(values(SampleValues(images: large, facts: facts)), seconds: slowest.seconds)
    } else {
      try cancel(values(small), seconds: first.seconds)
    }
    inputs()
  }

  private func inputs() {
    report("inputs", runner.damage, "no input file was changed")
  }

  static func values(of names: Set<String>, _ plugin: Plugin, _ sample: SampleValues) -> Values {
    plugin.parameters.filter { names.contains($0.name) }.map { ($0, sample.usual($0)) }
  }

  static func time(_ seconds: Double) -> String {
    seconds < 1
      ? "\(numberText((seconds * 1000).rounded())) ms" : "\(numberText((seconds * 10).rounded() / 10)) s"
  }

  func report(_ check: String, _ fault: String?, _ text: String = "") {
    add(Finding(check: check, outcome: fault == nil ? .ok : .failed, text: fault ?? text))
  }

  /// Checks that were not made, but for those of which something was found already.
  func skip(_ checks: [String], _ why: String) {
    for check in checks where !findings.contains(where: { $0.check == check }) {
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
  func replacing(_ others: CheckSuite.Values) -> CheckSuite.Values {
    let names = Set(others.map(\.parameter.name))
    return filter { !names.contains($0.parameter.name) } + others
  }
}
