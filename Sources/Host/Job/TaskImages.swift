import Imaging
import RobustRuntime

/// Opens the images and masks that a task is given; of files with several frames those that are worked on.
struct TaskImages {
  private let plugin: Plugin
  private let values: [TypedValue]
  private let settings: RunSettings
  private let destination: Destination
  private let console: Console
  /// Images that stay open from run to run; nil: none do.
  private let opened: OpenImages?
  /// Files that are opened once for each frame.
  private var files: [String: Input] = [:]
  /// Frames or pages of the masks, by their files, once these have been opened.
  private var maskPages: [String: Int] = [:]
  /// What was said already.
  private var notes: Set<String> = []

  init(
    plugin: Plugin, values: [TypedValue], settings: RunSettings, destination: Destination, console: Console,
    opened: OpenImages? = nil
  ) {
    (self.plugin, self.values, self.settings) = (plugin, values, settings)
    (self.destination, self.console, self.opened) = (destination, console, opened)
  }

  /// By the places of their parameters.
  /// - Parameter frame: of the first image, from 0 on, and of masks that have as many.
  mutating func open(frame: Int) throws -> [[SourceImage]] {
    var images = values.map { _ in [SourceImage]() }
    var first: SourceImage?
    // Images before masks, whose size is held against theirs.
    for kind in [CommandParameter.Kind.image, .mask] {
      for (index, parameter) in plugin.parameters.enumerated()
      where parameter.kind == kind && !parameter.flags.contains(.onDemand) {
        for name in values[index].texts {
          if console.isInterrupted() { throw Failure.interrupted }
          let image: SourceImage
          if kind == .mask {
            image = try openMask(name, parameter, frame: frame, of: first)
            if let first { try check(image, against: first) }
          } else {
            let isFirst = first == nil
            image = try open(name, frame: isFirst ? frame : 0)
            try tell(image, isChosen: isFirst && settings.frameChoice != .unsaid)
            first = first ?? image
          }
          images[index].append(image)
        }
      }
    }
    return images
  }

  private var limits: Limits {
    var limits = settings.limits
    limits.memory = AvailableMemory.now.map { ($0.bytes, $0.limit) }
    return limits
  }

  private mutating func open(_ name: String, frame: Int) throws -> SourceImage {
    if let opened, name != "-", settings.frameChoice == .unsaid {
      return try opened.open(name, limits: limits, frame: frame)
    }
    return try SourceImage.open(input(name), limits: limits, frame: frame, digest: true)
  }

  private mutating func input(_ name: String) throws -> Input {
    let input = name == "-" ? Input.standardInput : .file(name)
    if settings.frameChoice == .unsaid { return input }
    let loaded = try files[name] ?? input.loaded(settings.limits)
    files[name] = loaded
    return loaded
  }

  private mutating func openMask(
    _ name: String, _ parameter: CommandParameter, frame: Int, of image: SourceImage?
  ) throws -> SourceImage {
    func open(_ frame: Int) throws -> (SourceImage, notes: [String]) {
      try MaskOptions.open(input(name), for: parameter, plugin.parameters, values, limits, frame: frame)
    }
    // A decoder goes on from frame to frame, and would begin again for the first.
    let known = maskPages[name]
    var (mask, found) = try open(known.map { $0 > 1 ? frame : 0 } ?? 0)
    maskPages[name] = mask.pageCount
    var isChosen = false
    if settings.frameChoice != .unsaid, mask.pageCount > 1, let image {
      guard mask.pageCount == image.pageCount else {
        throw Failure.failed(
          "\(mask.name) has \(mask.pageCount) frames or pages and \(image.name) has \(image.pageCount): "
            + "a mask needs as many as its image, or one")
      }
      if frame > 0, known == nil { (mask, found) = try open(frame) }
      isChosen = true
    }
    try tell(mask, isChosen: isChosen)
    for note in found { warn("\(mask.name): \(note)") }
    return mask
  }

  private func check(_ mask: SourceImage, against first: SourceImage) throws {
    if (mask.width, mask.height) == (first.width, first.height) { return }
    throw Failure.failed(
      "\(mask.name) is \(mask.width)x\(mask.height) pixels but \(first.name) is "
        + "\(first.width)x\(first.height) (upright); a mask must have the size of its image"
        + (mask.width == first.height && mask.height == first.width ? ", and this one lies on its side" : ""))
  }

  private mutating func warn(_ text: String) {
    if notes.insert(text).inserted { console.warn(text) }
  }

  /// - Parameter isChosen: whether the user said which of its frames are wanted.
  private mutating func tell(_ image: SourceImage, isChosen: Bool) throws {
    if isChosen, settings.frameChoice == .all || image.pageCount == 1 || !destination.replaces(image.name) {
      if let warning = image.colourWarning { warn("\(image.name): \(warning)") }
      return
    }
    for text in try Self.peculiarities(of: image, isChosen: isChosen, destination) { warn(text) }
  }

  /// Tells the user what is not as it may seem of an image. Throws where the result would take its place and lose frames.
  static func tellPeculiarities(of image: SourceImage, _ destination: Destination, _ console: Console) throws
  {
    for text in try peculiarities(of: image, isChosen: false, destination) { console.warn(text) }
  }

  private static func peculiarities(of image: SourceImage, isChosen: Bool, _ destination: Destination) throws
    -> [String]
  {
    var texts = image.colourWarning.map { ["\(image.name): \($0)"] } ?? []
    guard image.pageCount > 1 else { return texts }
    let text =
      "\(image.name) has \(image.pageCount) pages or frames, and only \(isChosen ? "one" : "the first") is used"
    if destination.replaces(image.name) {
      throw Failure.failed("\(text); writing over it would lose the others, so name another file with -o")
    }
    texts.append(text)
    return texts
  }
}
