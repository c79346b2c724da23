import CRTool
import Imaging
import RobustRuntime

/// A task on one input, from its arguments to the written files: all that a command does, or a batch for each input.
struct TaskJob {
  let plugin: Plugin
  let settings: RunSettings
  let destination: Destination
  private let parsed: ParsedArguments

  /// All but the classes is judged, and no file read.
  /// - Throws: `Failure` of what cannot be done.
  init(_ plugin: Plugin, _ parsed: ParsedArguments) throws {
    (self.plugin, self.parsed) = (plugin, parsed)
    settings = try Self.settings(parsed, plugin)
    let input = plugin.parameters.first { $0.kind == .image }.flatMap { parsed.last($0.name) }
    destination = try Destination(settings, input: input)
  }

  /// Does the task as often as --count says.
  /// - Parameter admit: is told how many bytes of memory a result is expected to take, before the work.
  /// - Returns: what was made.
  func run(in session: TaskSession, _ console: Console, admit: @escaping (Int) throws -> Void = { _ in })
    throws -> Report
  {
    let taskValues = try values(in: session)
    if parsed.texts["pass-relu"] != nil, !session.classifier.hasLastActivation {
      console.warn(
        "--pass-relu changes nothing: the model \(session.classifier.facts.name) has no activation before its representation"
      )
    }
    try destination.checkFormat()
    let inputs = try JobInputs(taskValues, session, limits: settings.limits) {
      try TaskImages.tellPeculiarities(of: $0, destination, console)
    }
    var reader = TaskImages(
      plugin: plugin, values: taskValues, settings: settings, destination: destination, console: console,
      opened: session.opened)
    let images = try reader.open(frame: settings.frameChoice.first)
    let frames = try frames(of: firstImage(images))
    if let available = AvailableMemory.now {
      try MemoryNeed(of: plugin, images: images, model: session.classifier).check(against: available)
    }
    let remarks = try showMasks(taskValues, images, console)
    var delivery = Delivery(destination, settings, input: firstImage(images), console)
    var repetition =
      settings.rounds > 1
      ? try Repetition(
        plugin: plugin, settings: settings,
        format: destination.format(of: firstImage(images), isAnimation: false)) : nil
    func step(_ run: Run, _ values: [TypedValue], _ images: [[SourceImage]]) throws -> Provenance.Step {
      var step = try record(
        of: inputs.used(in: values), session,
        inputs: inputs.digests(images: images.map { $0.compactMap(\.digest) }, session),
        rounds: repetition?.roundsOfStep)
      (step.seed, step.facts) = (run.seed, run.facts)
      return step
    }

    do {
      for index in 0..<settings.count {
        var results = FrameResults(times: firstImage(images)?.frameTimes)
        for frame in frames {
          var values = taskValues
          var images = frame == frames.lowerBound ? images : try reader.open(frame: frame)
          func perform() throws -> Run {
            let run = Run(
              session, part: Run.Part(index: index, count: settings.count), settings: settings, console)
            inputs.hand(to: run)
            run.checkExpected = { expectation in
              try destination.check(expectation)
              if let available = AvailableMemory.now { try expectation.check(against: available) }
              let cost = try expectation.check(settings.limits, frames: frames.count)
              try admit(expectation.bytes)
              guard let cost, frame == frames.lowerBound else { return }
              console.note("\(cost)\(frames.count > 1 ? " for each frame" : "")")
            }
            try self.perform(run, values, images)
            return run
          }
          for _ in 1..<settings.rounds {
            let run = try perform()
            let step = try step(run, values, images)
            try repetition?.replace(in: &values, &images, by: run, step: step)
          }
          let run = try perform()
          if frames.count == 1 {
            try delivery.deliver(run) { try step(run, values, images) }
          } else {
            try results.add(run)
            if frame == frames.upperBound - 1 {
              try delivery.deliver(results, of: run, step: step(run, values, images))
            }
          }
        }
      }
      // A task that cannot do with such masks has said so itself.
      for text in remarks { console.warn(text) }
      try delivery.finish()
    } catch {
      throw Failure(error).naming(written: delivery.written)
    }
    var report = delivery.report
    report.hasSkipped = inputs.hasSkipped
    return report
  }

  private func perform(_ run: Run, _ values: [TypedValue], _ images: [[SourceImage]]) throws {
    let bridged = try run.bridged(values, images: images, of: plugin)
    func task() throws -> Int32 {
      let exit = Failure.misuse("it called exit() while it was running").description
      return try run.withHost { host in
        ExitNotice.during("rtool \(plugin.name): \(exit)") { plugin.run(host, bridged) }
      }
    }
    defer { run.liveView?.flush() }
    let status = try PrintingGuard.during { try Watch.isOn ? Watch(run).during(task) : task() }
    if run.console.isInterrupted() || status == Int32(RTOOL_STOPPED) { throw Failure.interrupted }
    if status != Int32(RTOOL_OK) || run.failure != nil {
      throw run.failure ?? .failed("the task failed without saying why")
    }
  }

  /// Frames that are worked on one after the other, from 0 on.
  private func frames(of image: SourceImage?) throws -> Range<Int> {
    let first = settings.frameChoice.first
    guard let image else {
      if settings.frameChoice == .unsaid { return 0..<1 }
      throw Failure.usage("--frames-of needs an image")
    }
    guard settings.frameChoice == .all else { return first..<first + 1 }
    guard image.pageCount == 1 || image.format.hasReadableFrames else {
      throw Failure.failed(
        "\(image.name) has \(image.pageCount) frames, and of a \(image.format.title) file only one is read; "
          + "convert it to GIF or WebP")
    }
    try destination.checkFrames(of: image)
    if image.width * image.height > settings.limits.maxPixels / image.pageCount {
      throw Failure.failed(
        "\(image.name) has \(image.pageCount) frames of \(image.width)x\(image.height) pixels, which are more than the "
          + "limit for all (raise it with --max-pixels)")
    }
    return 0..<image.pageCount
  }

  private func firstImage(_ images: [[SourceImage]]) -> SourceImage? {
    zip(plugin.parameters, images).first { $0.kind == .image && !$1.isEmpty }?.1.first
  }

  /// Tells what masks mark where that is unusual, and writes the previews that are wanted. What is to be told of masks
  /// that mark nothing, or all, comes back.
  private func showMasks(_ values: [TypedValue], _ images: [[SourceImage]], _ console: Console) throws
    -> [String]
  {
    var later: [String] = []
    for (index, parameter) in plugin.parameters.enumerated() where parameter.kind == .mask {
      let edit = MaskOptions.edit(of: parameter, plugin.parameters, values)
      for source in images[index] {
        let extent =
          try edit.isNothing ? source.markedExtent() : MaskExtent(edit.applied(to: source.marks()))
        guard let remark = extent.remark.map({ MaskOptions.text($0, for: parameter) }) else { continue }
        if extent.isNothing || extent.isAll {
          later.append("\(source.name) \(remark)")
        } else {
          console.warn("\(source.name) \(remark)")
        }
      }
      guard let file = settings.previews[parameter.name] else { continue }
      guard let photo = firstImage(images) else {
        throw Failure.usage("--\(parameter.name)-preview needs an image to show the mask on")
      }
      let masks = try images[index].map { try edit.applied(to: $0.marks()) }
      let notes = try MaskPreview.image(of: photo, masks: masks).write(
        to: .file(file.path), format: file.format, options: settings.options)
      for note in notes { console.warn(note) }
    }
    return later
  }
}

extension TaskJob {
  /// The host's own options, once all values but the classes are judged.
  static func settings(_ parsed: ParsedArguments, _ plugin: Plugin) throws -> RunSettings {
    let settings = try RunSettings(parsed, plugin: plugin)
    try check(parsed, settings, plugin)
    return settings
  }

  private static func check(_ parsed: ParsedArguments, _ settings: RunSettings, _ plugin: Plugin) throws {
    let values = try plugin.parameters.map { parameter in
      parameter.kind == .classes
        ? TypedValue() : try value(of: parameter, parsed, settings, classes: [])
    }
    for (parameter, value) in zip(plugin.parameters, values) {
      if parameter.kind == .mask { _ = try MaskOptions.reading(of: parameter, plugin.parameters, values) }
      if parameter.kind == .model { for text in value.texts { _ = try ModelSearch.find(text) } }
    }
    for parameter in plugin.parameters where parameter.kind == .classes {
      if parameter.flags.contains(.required), parsed.texts[parameter.name] == nil {
        throw parameter.missing
      }
    }
    for parameter in plugin.parameters
    where [.image, .mask].contains(parameter.kind) && !parameter.flags.contains(.repeated) {
      if parsed.texts[parameter.name, default: []].count > 1 {
        throw Failure.usage("\(parameter.label) was given twice, and only one image can be used")
      }
    }
    try MaskOptions.check(
      plugin.parameters + plugin.hostOptions, among: plugin.parameters, given: parsed.texts)
    let streams = plugin.parameters.filter { [.image, .mask].contains($0.kind) }
      .flatMap { parsed.texts[$0.name] ?? [] }.filter { $0 == "-" }
    if streams.count > 1 { throw Failure.usage("standard input (-) can be only one of the images") }
  }

  /// The user's value, else the preset's, else the initial one.
  private static func value(
    of parameter: CommandParameter, _ parsed: ParsedArguments, _ settings: RunSettings, classes: [String]
  ) throws -> TypedValue {
    if let texts = parsed.texts[parameter.name] {
      return try parameter.value(of: texts, given: true) { classes }
    }
    let preset = settings.preset?.settings[parameter.name].map { [$0] } ?? []
    return try parameter.value(of: preset, given: false) { classes }
  }

  /// The values of all parameters of the task.
  func values(in session: TaskSession) throws -> [TypedValue] { try Self.values(parsed, settings, session) }

  /// - Throws: `Failure` of usage where one of them cannot be.
  static func values(_ parsed: ParsedArguments, _ settings: RunSettings, _ session: TaskSession) throws
    -> [TypedValue]
  {
    let facts = session.classifier.facts
    return try session.plugin.parameters.map { parameter in
      var value = try value(of: parameter, parsed, settings, classes: facts.classes)
      if parameter.kind == .layer { value.numbers = try parameter.layerIndices(value, of: facts) }
      return value
    }
  }

  /// What is recorded of the first run, but for what the task finds out.
  /// - Parameter inputs: SHA-256 of what was read, by parameter.
  func record(
    of values: [TypedValue], _ session: TaskSession, inputs: [String: [String]], rounds: Int?
  ) throws -> Provenance.Step {
    Provenance.Step(
      task: plugin.name, version: plugin.version, rtool: Installation.version,
      model: try session.model(settings), seed: settings.seed, preset: settings.preset?.name,
      parameters: described(values, classes: session.classifier.facts.classes), facts: [:],
      given: parsed.texts.keys.filter { name in plugin.parameters.contains { $0.name == name } }.sorted(),
      inputs: inputs, precision: settings.precision == .float32 ? nil : settings.precision.rawValue,
      frames: settings.frameChoice.text, rounds: rounds, units: VectorUnits.name)
  }

  /// Every parameter as the user would write it, files by their name alone; what the host adds to masks only where it
  /// changes them.
  private func described(_ values: [TypedValue], classes: [String]) -> [String: [String]] {
    var texts: [String: [String]] = [:]
    for (parameter, value) in zip(plugin.parameters, values) {
      if parameter.mask != nil, value.given == 0, value.numbers == [parameter.initial] { continue }
      texts[parameter.name] = parameter.texts(of: value, classes: classes)
    }
    return texts.filter { !$0.value.isEmpty }
  }
}
