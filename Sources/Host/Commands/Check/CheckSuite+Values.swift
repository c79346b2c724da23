import RobustRuntime

/// What is asked of runs with other images and other values.
extension CheckSuite {
  /// Images of all sizes and kinds. The largest, and how long it took.
  func shapes(_ plugin: Plugin, facts: ModelFacts, _ values: (SampleValues) -> Values) throws
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
      let run = try runner.run(values(SampleValues(images: images, facts: facts)))
      if let fault = run.fault() { faults.append("\(width)x\(height): \(fault): \(run.command)") }
      slowest = (images, run.seconds)
    }
    report(
      "sizes", faults.first,
      "1x1, 3x2, 1x200 and 1500x1000 pixels, the last in \(Self.time(slowest.seconds))")
    faults = []
    for (name, channels, depth) in [("grey", 1, 8), ("alpha", 4, 8), ("16-bit", 3, 16)] {
      let images = try runner.images(name, width: 96, height: 80, channels: channels, bitDepth: depth)
      let run = try runner.run(values(SampleValues(images: images, facts: facts)))
      if let fault = run.fault() { faults.append("\(name): \(fault): \(run.command)") }
    }
    report("images", faults.first, "grey, alpha and 16-bit")
    return slowest
  }

  func randomValues(_ plugin: Plugin, given names: Set<String>, _ sample: SampleValues) throws {
    if rounds == 0 { return skip(["values"], "no rounds were asked for") }
    var counts = (done: 0, refused: 0)
    for round in 0..<rounds {
      var generator = SplitMix(seed: UInt64(round))
      var values: Values = []
      for parameter in plugin.parameters {
        if let mask = parameter.mask {
          // How a mask is read is not the task's concern.
          if parameter.kind == .text || !values.contains(where: { $0.parameter.name == mask }) { continue }
        }
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

  func illegal(_ plugin: Plugin, given names: Set<String>, _ sample: SampleValues) throws {
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
}
