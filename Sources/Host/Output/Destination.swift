import Glibc
import Imaging
import Synchronization

/// Where the images of a run go: -o, else standard output when something reads it, else nowhere if a contact sheet or
/// an animation shows them, else a new file in the current folder. Decided before the work begins, so that a mistake costs nothing.
struct Destination {
  private enum Place {
    case file(String)
    case standardOutput
    /// A file that does not exist yet, named after the input and the task.
    case beside(stem: String)
    case nowhere
  }

  private let place: Place
  private let settings: RunSettings

  init(_ settings: RunSettings, input: String?) throws {
    self.settings = settings
    if let output = settings.output {
      guard !output.isEmpty else {
        throw Failure.usage("--output needs the name of a file, not an empty one")
      }
      place = output == "-" ? .standardOutput : .file(output)
      if case .file(let path) = place { try Self.check(path, option: "-o", format: settings.format) }
    } else if Self.outputIsRead && !settings.wantsJSON {
      place = .standardOutput
    } else if settings.sheet != nil || settings.frames != nil {
      place = .nowhere
    } else {
      let name = input.map { $0 == "-" ? "stdin"[...] : fileName(of: $0) } ?? "rtool"
      place = .beside(stem: String(name.lastIndex(of: ".").map { name[..<$0] } ?? name))
    }
    if case .standardOutput = place {
      guard !Terminal.outputIsTerminal else {
        throw Failure.usage("an image is not written to a terminal; name a file with -o, or pipe it on")
      }
      if settings.wantsJSON {
        throw Failure.usage("--json and the image cannot both go to standard output; use -o FILE")
      }
      if settings.output != nil && settings.count > 1 {
        throw Failure.usage("\(settings.count) images cannot go to one stream; name a file with -o")
      }
    }
  }

  /// Whether this process is a worker: no image goes to its standard output, which is for what it tells, the names of the
  /// files that it wrote among that.
  static let isOfWorker = Atomic<Bool>(false)

  /// A pipe, a socket or a file, not a terminal or /dev/null.
  static var outputIsRead: Bool {
    guard !isOfWorker.load(ordering: .relaxed) else { return false }
    var status = stat()
    guard fstat(STDOUT_FILENO, &status) == 0 else { return false }
    return [S_IFIFO, S_IFSOCK, S_IFREG].contains(status.st_mode & S_IFMT)
  }

  /// Throws where it can be known before the work that a file cannot be written.
  /// - Parameter option: which names it.
  static func check(_ path: String, option: String, format: Format?) throws {
    var status = stat()
    let kind = stat(path, &status) == 0 ? status.st_mode & S_IFMT : S_IFREG
    if kind == S_IFDIR {
      throw Failure.failed("\(path) is a folder; name a file in it with \(option)")
    }
    let parent = folder(of: path)
    guard fileExists(parent) else {
      throw Failure.failed("\(path) cannot be written: there is no folder \(parent)")
    }
    // A device or a pipe is written into, whatever its folder and its name.
    if kind != S_IFREG { return }
    guard access(parent, W_OK) == 0 else {
      throw Failure.failed("\(path) cannot be written: the folder \(parent) is read-only")
    }
    if format == nil, Format(path: path) == nil {
      let endings = Format.written.map { ".\($0.extensions[0])" }
      throw Failure.usage(
        "\(path) needs the ending of an image format (\(endings.joined(separator: " "))); or give --format"
      )
    }
  }

  /// Throws where the format that was asked for cannot be written here. Needs libvips.
  func checkFormat() throws {
    var wanted = settings.format
    if case .file(let path) = place { wanted = wanted ?? Format(path: path) }
    for wanted in [wanted, settings.sheet?.format, settings.frames?.format].compactMap(\.self)
    where !Imaging.canWrite(wanted) {
      throw Failure.failed("the libvips of this machine cannot write \(wanted.title); choose another format")
    }
  }

  /// Whether the result takes the place of this input.
  func replaces(_ input: String) -> Bool {
    guard case .file(let path) = place else { return false }
    var (a, b) = (stat(), stat())
    return stat(path, &a) == 0 && stat(input, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
  }

  /// Whether so many images are to be written; several are not where a pipe could take one and a sheet shows them.
  /// Throws where they would have nowhere to go.
  func takes(imageCount count: Int) throws -> Bool {
    guard case .standardOutput = place, count > 1 else { return true }
    if settings.output == nil && settings.sheet != nil { return false }
    throw Failure.failed("\(count) images cannot go to one stream; name a file with -o")
  }

  /// The format of a still image, or of an animation.
  func format(of source: SourceImage?, isAnimation: Bool) -> Format {
    if let format = settings.format { return format }
    if case .file(let path) = place, let format = Format(path: path) { return format }
    if isAnimation { return .webp }
    return source.map { Format.written.contains($0.format) ? $0.format : .png } ?? .png
  }

  /// Has an image written where it goes, if anywhere.
  /// - Parameter suffix: which of several it is.
  /// - Returns: the path of the file; nil: it is none.
  func write(task: String, format: Format, suffix: String?, _ write: (Output) throws -> Void) throws
    -> String?
  {
    switch place {
    case .nowhere: return nil
    case .standardOutput:
      try write(.standardOutput)
      return nil
    case .file(let path):
      let path = suffixed(path, suffix)
      try write(.file(path))
      return path
    case .beside(let stem):
      let base = "\(stem)-\(task)" + (suffix.map { "-\($0)" } ?? "")
      return try Self.writeNew(base, ending: ".\(format.extensions[0])", write)
    }
  }

  /// Has a new file written: the first of base.png, base-2.png, base-3.png, ... that nobody else makes before all is
  /// done. Returns its path.
  static func writeNew(_ base: String, ending: String, _ write: (Output) throws -> Void) throws -> String {
    var copy = 1
    while true {
      let path = copy == 1 ? base + ending : "\(base)-\(copy)\(ending)"
      copy += 1
      if fileExists(path) { continue }
      do {
        try write(.newFile(path))
        return path
      } catch let error as ImagingError where error.kind == .exists {
        continue
      }
    }
  }

  /// Throws where the file that will be written cannot hold all frames of `source`.
  func checkFrames(of source: SourceImage) throws {
    if source.pageCount == 1 { return }
    let format = format(of: source, isAnimation: false)
    let fitting = FrameSequence.formats(areTimed: source.frameTimes != nil)
    guard !fitting.contains(format) else { return }
    let holds =
      FrameSequence.formats(areTimed: true).contains(format)
      ? "\(format.title) holds an animation and no pages" : "\(format.title) holds one picture"
    throw Failure.failed(
      "\(holds), and \(source.name) has \(source.pageCount): choose \(Suggestion.list(fitting.map(\.title))), "
        + "or one of them with --frames-of N")
  }

  /// Throws where a result of this size cannot be a file of the format that it will have.
  func check(_ expectation: Expectation) throws {
    if case .nowhere = place { return }
    try format(of: expectation.over, isAnimation: false).check(
      width: expectation.width, height: expectation.height)
  }
}

/// `path`, or the name beside it for one of several: "a.png" -> "a-3.png".
func suffixed(_ path: String, _ suffix: String?) -> String {
  guard let suffix else { return path }
  let name = fileName(of: path)
  let dot = name.lastIndex(of: ".") ?? name.endIndex
  return "\(path[..<dot])-\(suffix)\(path[dot...])"
}
