import Imaging

/// What is asked of runs as the author means them.
extension CheckSuite {
  func load() throws -> Plugin? {
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
  func firstRun(_ plugin: Plugin, _ sample: SampleValues) throws -> (Set<String>, CheckedRun)? {
    let required = Set(plugin.parameters.filter { $0.flags.contains(.required) }.map(\.name))
    let masks = required.union(plugin.parameters.filter { $0.kind == .mask }.map(\.name))
    var attempts = [required, masks]
    for example in plugin.examples {
      let parsed = try? ParsedArguments(
        ManifestCheck.words(of: example.arguments),
        parameters: plugin.parameters + plugin.hostOptions)
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
        } else {
          report("run", "\(run.fault() ?? run.message): \(run.command)")
        }
        return nil
      }
      report("run", nil, "\(Self.time(run.seconds)): \(run.command)")
      try pixels(of: run)
      return (names, run)
    }
    report("run", "it refuses even its own examples: \(refusal?.message ?? ""): \(refusal?.command ?? "")")
    return nil
  }

  func reproducible(_ values: Values, _ first: CheckedRun) throws {
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
  func littleEffort(_ plugin: Plugin, _ values: Values) throws -> Values {
    let effort = plugin.parameters.filter(\.isEffort).map { ($0, numberText($0.littleEffort)) }
    if effort.isEmpty { return [] }
    return try runner.run(values.replacing(effort)).isUsage ? [] : effort
  }

  /// What the host lets through is finite; that it is there as an image can be seen from its file alone.
  private func pixels(of run: CheckedRun) throws {
    var sizes: [String] = []
    for (name, bytes) in run.results.sorted(by: { $0.key < $1.key }) where name != "-" {
      do {
        let image = try SourceImage.open(.bytes(bytes, name: name))
        sizes.append("\(image.width)x\(image.height)")
      } catch {
        return report("pixels", "\(Failure(error).description): \(run.command)")
      }
    }
    report("pixels", nil, sizes.isEmpty ? "it makes text" : "finite, " + sizes.joined(separator: ", "))
  }

  /// Interrupts a run that would take about so many seconds or more.
  func cancel(_ values: Values, seconds: Double) throws {
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
}
