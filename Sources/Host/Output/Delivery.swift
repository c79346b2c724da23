import Imaging

/// Writes what the runs of a task made, and tells where.
struct Delivery {
  private let destination: Destination
  private let settings: RunSettings
  private(set) var report = Report()
  /// The files that were written, in order.
  private(set) var written: [String] = []
  /// Images without a name so far, to number them.
  private var imageCount = 0
  /// What was said already.
  private var notes: Set<String> = []
  private var sheet: SheetBuilder?
  private let input: SourceImage?
  private let console: Console

  /// - Parameter input: the first image given to the task.
  init(_ destination: Destination, _ settings: RunSettings, input: SourceImage?, _ console: Console) {
    self.destination = destination
    self.settings = settings
    self.input = input
    self.console = console
    sheet = settings.sheet.map { _ in SheetBuilder(input: input) }
  }

  /// Writes what a run made.
  /// - Parameter makeStep: says how it was made; asked only where something keeps that.
  mutating func deliver(_ run: Run, makeStep: () throws -> Provenance.Step) throws {
    if run.emitted.isEmpty && run.text.isEmpty && !run.hasParts {
      throw run.imagesOnDemand.values.contains(where: \.hasSkipped)
        ? Failure.told : Failure.failed("the task made no image")
    }
    if !run.heldParts.isEmpty { try console.print(run.heldParts) }
    var entry = Report.Entry()
    if settings.wantsJSON {
      entry.result = try Report.checked(run.text, task: run.task)
    } else if !run.text.isEmpty {
      try console.print(run.text)
    }
    if settings.wantsJSON || !run.emitted.isEmpty || run.recorder != nil { entry.step = try makeStep() }
    if let step = entry.step, !run.emitted.isEmpty {
      try write(run, step, &entry)
      try sheet?.add(run, step)
    }
    if let step = entry.step, let frames = settings.frames {
      entry.frames = try write(run, step, framesTo: frames)
    }
    report.entries.append(entry)
  }

  /// Writes what was made of each frame as one file.
  /// - Parameter run: one of them.
  mutating func deliver(_ frames: FrameResults, of run: Run, step: Provenance.Step) throws {
    var entry = Report.Entry()
    entry.step = step
    let text = frames.text(asJSON: settings.wantsJSON)
    if settings.wantsJSON {
      entry.result = try Report.checked(text, task: run.task)
    } else if !text.isEmpty {
      try console.print(text)
    }
    guard try destination.takes(imageCount: run.part.count) else { return }
    let format = destination.format(of: input, isAnimation: false)
    let provenance = provenance(of: input, step.encoded(as: format, settings))
    var notes: [String] = []
    let written = try destination.write(
      task: step.task, format: format, suffix: run.part.count > 1 ? "\(run.part.index + 1)" : nil
    ) { [settings] output in
      notes = try frames.sequence.write(
        to: output, format: format, options: settings.options, provenance: provenance)
    }
    tell(notes)
    if let path = written { tellWritten(path, &entry, step) }
    report.entries.append(entry)
  }

  private mutating func tellWritten(_ path: String, _ entry: inout Report.Entry, _ step: Provenance.Step) {
    entry.outputs.append(path)
    written.append(path)
    let isTold = settings.wantsJSON || Destination.isOfWorker.load(ordering: .relaxed)
    if settings.output == nil, !isTold { console.note("wrote \(path)") }
  }

  /// Writes what all runs are in.
  mutating func finish() throws {
    if let file = settings.sheet, let sheet {
      guard let drawn = try sheet.draw(settings) else {
        throw Failure.failed("the task made no image to show in \(file.path)")
      }
      tell(
        try ResultImage.fresh(drawn.image).write(
          to: .file(file.path), format: file.format,
          provenance: settings.options.stripMetadata ? nil : drawn.provenance.json))
      report.sheet = file.path
    }
  }

  /// Emissions in a row that are frames belong together where the format holds them.
  private mutating func write(_ run: Run, _ step: Provenance.Step, _ entry: inout Report.Entry) throws {
    var groups: [[Run.Emission]] = []
    for emission in run.emitted {
      let isFrame = emission.frameDuration > 0 && holdsAnimation(emission)
      if isFrame, let last = groups.last?.last, last.frameDuration > 0, holdsAnimation(last) {
        groups[groups.count - 1].append(emission)
      } else {
        groups.append([emission])
      }
    }
    guard try destination.takes(imageCount: groups.count * run.part.count) else { return }
    let unnamed = groups.count { $0[0].name == nil }
    let results = groups.count > 1 ? groups.map { $0[0].name ?? "" } : nil
    var ofRun = 0
    for group in groups {
      let format = format(of: group[0])
      let name = group[0].name
      if name == nil { (imageCount, ofRun) = (imageCount + 1, ofRun + 1) }
      // What has a name is numbered as the run that it is of.
      let number = name == nil ? imageCount : run.part.index + 1
      let isNumbered = run.part.count > 1 || name == nil && unnamed > 1
      let suffix = [isNumbered ? "\(number)" : nil, name].compactMap(\.self).joined(separator: "-")
      // What its own seed makes alone is numbered within its run.
      let encoded = step.encoded(
        as: format, settings, number: name == nil && unnamed > 1 ? ofRun : nil, name: name, among: results)
      let provenance = provenance(of: group[0].source, encoded)
      let animation =
        try group[0].frameDuration > 0 && holdsAnimation(group[0])
        ? self.animation(group.map { ($0.result, $0.frameDuration) }) : nil
      var notes: [String] = []
      let written = try destination.write(
        task: step.task, format: format, suffix: suffix.isEmpty ? nil : suffix
      ) { [settings] output in
        notes =
          try animation?.write(to: output, format: format, options: settings.options, provenance: provenance)
          ?? group[0].result.write(
            to: output, format: format, options: settings.options, provenance: provenance)
      }
      tell(notes)
      guard let path = written else { continue }
      if let name { entry.named[name] = path }
      tellWritten(path, &entry, step)
    }
  }

  private func format(of emission: Run.Emission) -> Format {
    // What a repetition was laid over is in the form that it went around in.
    destination.format(
      of: settings.rounds > 1 ? input : emission.source, isAnimation: emission.frameDuration > 0)
  }

  private func holdsAnimation(_ emission: Run.Emission) -> Bool {
    Animation.formats.contains(format(of: emission))
  }

  /// nil where metadata is left out. What was made from nothing still has the task's first image behind it.
  private func provenance(of source: SourceImage?, _ step: Provenance.Step) -> String? {
    settings.options.stripMetadata ? nil : Provenance(of: source ?? input, step).json
  }

  private func animation(_ frames: [(image: ResultImage, milliseconds: Int)]) throws -> Animation {
    do throws(ImagingError) {
      return try Animation(frames)
    } catch {
      throw Failure.misuse(error.description)
    }
  }

  private mutating func write(_ run: Run, _ step: Provenance.Step, framesTo file: SideFile) throws -> String {
    guard let recorder = run.recorder, let frames = RecordedFrames(recorder) else {
      throw Failure.failed(
        "\(step.task) made no ascent with these options, so that there is nothing for --frames "
          + "to show in \(file.path); leave it out")
    }
    let path = suffixed(file.path, run.part.count > 1 ? "\(run.part.index + 1)" : nil)
    tell(
      try frames.animation().write(
        to: .file(path), format: file.format,
        provenance: provenance(of: run.emitted.first?.source, step)))
    return path
  }

  private mutating func tell(_ new: [String]) {
    for note in new where notes.insert(note).inserted { console.warn(note) }
  }
}

extension Provenance {
  /// The steps that led to `source`, and one more.
  init(of source: SourceImage?, _ step: Step) {
    self = source?.provenance.flatMap(Provenance.init(json:)) ?? Provenance()
    steps.append(step)
  }
}
