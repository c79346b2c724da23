import CRTool
import Glibc
import Imaging
import RobustRuntime

/// `rtool NAME ...`: runs the task of a plugin, from the arguments to the written file.
struct TaskCommand {
  let plugin: Plugin

  func run(_ arguments: [String]) throws {
    let options = plugin.hostOptions
    let parsed = try ParsedArguments(arguments, parameters: plugin.parameters + options)
    switch parsed.request {
    case .help(let isFull): return try Terminal.print(Overview.help(of: plugin, isFull: isFull))
    case .version: return try Terminal.print("\(plugin.name) \(plugin.version)\n")
    case nil: break
    }
    let settings = try RunSettings(parsed, plugin: plugin)
    // All but the classes is judged before the model is read.
    try check(parsed, settings)
    let destination = try Destination(settings, input: inputName(parsed))

    Imaging.preload()
    let threads = configureRuntime(threads: settings.threads)
    try configureRuntime(precision: settings.precision)
    let modelSource = try ModelSearch.find(settings.model, info: settings.modelInfo)
    let classifier = try ModelSearch.load(modelSource)
    let taskValues = try plugin.parameters.map { parameter in
      var value = try value(of: parameter, parsed, settings, classes: classifier.facts.classes)
      if parameter.kind == .layer { value.numbers = try parameter.layerIndices(value, of: classifier.facts) }
      return value
    }
    if parsed.texts["pass-relu"] != nil, !classifier.hasLastActivation, !settings.isQuiet {
      Terminal.warn(
        "--pass-relu changes nothing: the model \(classifier.facts.name) has no activation before its representation"
      )
    }
    try destination.checkFormat()
    let files = try openFiles(taskValues)
    let models = try openModels(taskValues)
    var reader = TaskImages(plugin: plugin, values: taskValues, settings: settings, destination: destination)
    let images = try reader.open(frame: settings.frameChoice.first)
    let frames = try frames(of: firstImage(images), settings, destination)
    if let available = AvailableMemory.now {
      try MemoryNeed(of: plugin, images: images, model: classifier).check(against: available)
    }
    let onDemand = imagesOnDemand(taskValues, settings, destination)
    let remarks = try showMasks(taskValues, images, settings)
    var delivery = Delivery(destination, settings, input: firstImage(images))
    var repetition =
      settings.rounds > 1
      ? try Repetition(
        plugin: plugin, settings: settings,
        format: destination.format(of: firstImage(images), isAnimation: false)) : nil
    var digest: String?
    var modelDigests: [String: [String]]?
    func step(_ run: Run, _ values: [TypedValue], _ images: [[SourceImage]]) throws -> Provenance.Step {
      let values = used(onDemand, in: values)
      digest = try digest ?? ModelSearch.digest(modelSource)
      modelDigests = try modelDigests ?? digests(models)
      return Provenance.Step(
        task: plugin.name, version: plugin.version, rtool: Installation.version,
        model: Provenance.Model(
          name: classifier.facts.name, sha256: digest!,
          info: try settings.modelInfo.map(ModelSearch.digest(ofFile:))),
        seed: run.seed, preset: settings.preset?.name,
        parameters: described(values, classes: classifier.facts.classes), facts: run.facts,
        given: parsed.texts.keys.filter { name in plugin.parameters.contains { $0.name == name } }.sorted(),
        inputs: digests(images).merging(digests(onDemand)) { $1 }.merging(digests(files)) { $1 }
          .merging(modelDigests!) { $1 },
        precision: settings.precision == .float32 ? nil : settings.precision.rawValue,
        frames: settings.frameChoice.text, rounds: repetition?.roundsOfStep)
    }

    let prepared = PreparedObjects()
    if !settings.isQuiet { ProgressBar.shared.begin(plugin.name) }
    for index in 0..<settings.count {
      var results = FrameResults(times: firstImage(images)?.frameTimes)
      for frame in frames {
        var values = taskValues
        var images = frame == frames.lowerBound ? images : try reader.open(frame: frame)
        func perform() throws -> Run {
          let run = Run(
            task: plugin.name, classifier: classifier, part: Run.Part(index: index, count: settings.count),
            threads: threads, settings: settings, prepared: prepared)
          for file in files.joined() { run.files[file.name] = file.bytes }
          for model in models.joined() { run.otherModels[model.text] = model.classifier }
          for (slot, content) in plugin.slots.enumerated() {
            if case .parameter(let index) = content { run.imagesOnDemand[slot] = onDemand[index] }
          }
          run.checkExpected = { expectation in
            try destination.check(expectation)
            if let available = AvailableMemory.now { try expectation.check(against: available) }
            guard let cost = try expectation.check(settings.limits, frames: frames.count),
              frame == frames.lowerBound, !settings.isQuiet
            else { return }
            Terminal.say("rtool \(plugin.name): \(cost)\(frames.count > 1 ? " for each frame" : "")")
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
        let isLast = frame == frames.upperBound - 1
        if index == settings.count - 1, isLast { ProgressBar.shared.end() }
        if frames.count == 1 {
          try delivery.deliver(run) { try step(run, values, images) }
        } else {
          try results.add(run)
          if isLast { try delivery.deliver(results, of: run, step: step(run, values, images)) }
        }
      }
    }
    // A task that cannot do with such masks has said so itself.
    for text in remarks where !settings.isQuiet { Terminal.warn(text) }
    try delivery.finish()
    // What was of no use has been told when it was met.
    if onDemand.values.contains(where: \.hasSkipped) { throw Failure.told }
  }

  private func perform(_ run: Run, _ values: [TypedValue], _ images: [[SourceImage]]) throws {
    let bridged = try bridge(values, images: images, run: run)
    func task() throws -> Int32 {
      let exit = Failure.misuse("it called exit() while it was running").description
      return try run.withHost { host in
        ExitNotice.during("rtool \(plugin.name): \(exit)") { plugin.run(host, bridged) }
      }
    }
    let status = try PrintingGuard.during { try Watch.isOn ? Watch(run).during(task) : task() }
    if Interrupt.isRequested || status == Int32(RTOOL_STOPPED) { throw Failure.interrupted }
    if status != Int32(RTOOL_OK) || run.failure != nil {
      throw run.failure ?? .failed("the task failed without saying why")
    }
  }

  /// Those that are worked on one after the other, from 0 on.
  private func frames(of image: SourceImage?, _ settings: RunSettings, _ destination: Destination) throws
    -> Range<Int>
  {
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

  private func check(_ parsed: ParsedArguments, _ settings: RunSettings) throws {
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
  private func value(
    of parameter: CommandParameter, _ parsed: ParsedArguments, _ settings: RunSettings, classes: [String]
  ) throws -> TypedValue {
    if let texts = parsed.texts[parameter.name] {
      return try parameter.value(of: texts, given: true) { classes }
    }
    let preset = settings.preset?.settings[parameter.name].map { [$0] } ?? []
    return try parameter.value(of: preset, given: false) { classes }
  }

  private func inputName(_ parsed: ParsedArguments) -> String? {
    plugin.parameters.first { $0.kind == .image }.flatMap { parsed.last($0.name) }
  }

  /// Those that the task opens itself, by the place of their parameter.
  private func imagesOnDemand(_ values: [TypedValue], _ settings: RunSettings, _ destination: Destination)
    -> [Int: ImagesOnDemand]
  {
    var images: [Int: ImagesOnDemand] = [:]
    for (index, parameter) in plugin.parameters.enumerated() where parameter.flags.contains(.onDemand) {
      images[index] = ImagesOnDemand(
        values[index].texts, keepsAlpha: parameter.flags.contains(.withAlpha), limits: settings.limits
      ) { try TaskImages.tellPeculiarities(of: $0, settings, destination) }
    }
    return images
  }

  /// The values with those images alone that were of use.
  private func used(_ onDemand: [Int: ImagesOnDemand], in values: [TypedValue]) -> [TypedValue] {
    var values = values
    for (index, images) in onDemand {
      values[index].texts = images.used.map(\.name)
      values[index].count = values[index].texts.count
    }
    return values
  }

  private func digests(_ onDemand: [Int: ImagesOnDemand]) -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (index, images) in onDemand where !images.used.isEmpty {
      digests[plugin.parameters[index].name] = images.used.map(\.digest)
    }
    return digests
  }

  private struct InputFile {
    let name: String
    let bytes: [UInt8]
    let digest: String
  }

  private func openFiles(_ values: [TypedValue]) throws -> [[InputFile]] {
    try zip(plugin.parameters, values).map { parameter, value in
      guard parameter.kind == .file else { return [] }
      return try value.texts.map { name in
        guard let bytes = FileBytes.ofRegularFile(name) else {
          throw Failure.failed("\(name) cannot be read; \(parameter.label) needs a file")
        }
        return InputFile(name: name, bytes: bytes, digest: try Imaging.digest(of: bytes))
      }
    }
  }

  private struct OtherModel {
    let text: String
    let source: ModelSearch.Source
    let classifier: Classifier
  }

  private func openModels(_ values: [TypedValue]) throws -> [[OtherModel]] {
    try zip(plugin.parameters, values).map { parameter, value in
      guard parameter.kind == .model else { return [] }
      return try value.texts.map { text in
        let source = try ModelSearch.find(text)
        return OtherModel(text: text, source: source, classifier: try ModelSearch.load(source))
      }
    }
  }

  private func bridge(_ values: [TypedValue], images: [[SourceImage]], run: Run) throws
    -> UnsafePointer<rtool_value>
  {
    let bridged = try run.allocate(rtool_value.self, plugin.slots.count)
    for (slot, content) in plugin.slots.enumerated() {
      let index: Int
      switch content {
      case .parameter(let place): index = place
      case .ascent(let options):
        bridged[slot] = try AscentValues(
          options.map { option, place in
            (option, try place.map { values[$0] } ?? option.value(of: [], given: false) { [] })
          }
        ).bridged(run)
        continue
      }
      let (parameter, value) = (plugin.parameters[index], values[index])
      bridged[slot].given = UInt32(value.given)
      bridged[slot].count = UInt32(value.count)
      if !value.numbers.isEmpty { bridged[slot].numbers = UnsafePointer(try run.copy(value.numbers)) }
      if !value.texts.isEmpty {
        bridged[slot].texts = UnsafePointer(
          try run.copy(value.texts.map { try run.copy($0) as UnsafePointer<CChar>? }))
      }
      guard !images[index].isEmpty else { continue }
      let pointers = try images[index].map { source -> UnsafePointer<rtool_image>? in
        let image =
          try parameter.kind == .mask
          ? run.newImage(mask(source, parameter, values))
          : run.newImage(of: source, withAlpha: parameter.flags.contains(.withAlpha))
        run.sources[image.pointee.data] = source
        run.inputs.append((source.name, image.pointee))
        return UnsafePointer(image)
      }
      bridged[slot].images = UnsafePointer(try run.copy(pointers))
    }
    return UnsafePointer(bridged)
  }

  /// Tells what masks mark where that is unusual, and writes the previews that are wanted. What is to be told of masks
  /// that mark nothing, or all, comes back.
  private func showMasks(_ values: [TypedValue], _ images: [[SourceImage]], _ settings: RunSettings) throws
    -> [String]
  {
    var later: [String] = []
    for (index, parameter) in plugin.parameters.enumerated() where parameter.kind == .mask {
      let masks = try images[index].map { try mask($0, parameter, values) }
      for (source, mask) in zip(images[index], masks) {
        let extent = MaskExtent(mask)
        guard let remark = extent.remark.map({ MaskOptions.text($0, for: parameter) }) else { continue }
        if extent.isNothing || extent.isAll {
          later.append("\(source.name) \(remark)")
        } else if !settings.isQuiet {
          Terminal.warn("\(source.name) \(remark)")
        }
      }
      guard let file = settings.previews[parameter.name] else { continue }
      guard let photo = firstImage(images) else {
        throw Failure.usage("--\(parameter.name)-preview needs an image to show the mask on")
      }
      let notes = try MaskPreview.image(of: photo, masks: masks).write(
        to: .file(file.path), format: file.format, options: settings.options)
      for note in notes where !settings.isQuiet { Terminal.warn(note) }
    }
    return later
  }

  /// A mask as the options beside it change it.
  private func mask(_ source: SourceImage, _ parameter: CommandParameter, _ values: [TypedValue]) throws
    -> FloatImage
  {
    try MaskOptions.edit(of: parameter, plugin.parameters, values).applied(to: source.marks())
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

  private func digests(_ files: [[InputFile]]) -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (parameter, files) in zip(plugin.parameters, files) where !files.isEmpty {
      digests[parameter.name] = files.map(\.digest)
    }
    return digests
  }

  private func digests(_ models: [[OtherModel]]) throws -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (parameter, models) in zip(plugin.parameters, models) where !models.isEmpty {
      digests[parameter.name] = try models.map { try ModelSearch.digest($0.source) }
    }
    return digests
  }

  private func digests(_ images: [[SourceImage]]) -> [String: [String]] {
    var digests: [String: [String]] = [:]
    for (parameter, images) in zip(plugin.parameters, images) where !images.isEmpty {
      digests[parameter.name] = images.compactMap(\.digest)
    }
    return digests
  }
}
