import Imaging

/// What a batch would do, and what it would take as far as that can be told beforehand.
struct DryRun {
  let run: BatchRun
  let wantsJSON: Bool

  /// Headers of so many pictures at most are read to reckon the memory.
  private static let mostHeaders = 100

  init(_ run: BatchRun, wantsJSON: Bool) { (self.run, self.wantsJSON) = (run, wantsJSON) }

  func tell() throws {
    var open: [Int] = []
    for index in run.indices {
      if Interrupt.isRequested { throw Failure.interrupted }
      let (input, output) = (run.plan.inputs[index].title, try run.plan.arguments(index).last("output") ?? "")
      let isCurrent = run.skipsExisting && (try? run.isCurrent(index)) == true
      if !isCurrent { open.append(index) }
      let word = isCurrent ? "is there" : "to do"
      try Terminal.print(
        wantsJSON
          ? encodedJSON(["input": input, "output": output, "status": isCurrent ? "skipped" : "to-do"]) + "\n"
          : "\(Terminal.printable(input)) -> \(Terminal.printable(output))\(isCurrent ? "  (\(word))" : "")\n"
      )
    }
    var line = "\(open.count) of \(run.indices.count) to do, \(run.jobs) at once"
    if let largest = largest(of: open) {
      line += "; at most about \(largest >> 20) MB of memory each, \(run.budget.bytes >> 20) MB for all"
    }
    line += "; " + time(for: open.count)
    Terminal.say("rtool \(run.plan.plugin.name): \(line)")
  }

  private func largest(of open: [Int]) -> Int? {
    let stride = max(1, open.count / Self.mostHeaders)
    let looked = Swift.stride(from: 0, to: open.count, by: stride).map { open[$0] }
    return looked.compactMap { try? need(of: $0) }.max()
  }

  private func need(of index: Int) throws -> Int {
    let arguments = try run.plan.values(index)
    let settings = try TaskJob.settings(arguments, run.plan.plugin)
    return try JobMemory.need(
      of: TaskJob.values(arguments, settings, run.session), limits: settings.limits, in: run.session)
  }

  /// From what the report says of those that were done, if there is one.
  private func time(for count: Int) -> String {
    let seconds = run.recordedSeconds
    guard !seconds.isEmpty else {
      return "the time is not known before some are done, and --report keeps what each took"
    }
    let mean = seconds.reduce(0, +) / Double(seconds.count)
    let total = Int((mean * Double(count) / Double(run.jobs)).rounded(.up))
    return
      "about \(total / 3600) h \(total / 60 % 60) min \(total % 60) s, as the \(seconds.count) in the report took"
  }
}
