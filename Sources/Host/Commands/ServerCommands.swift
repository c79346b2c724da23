import Glibc
import WorkerProtocol

/// `rtool studio` and `rtool serve`: this process becomes the program that serves, which starts this one as its workers.
enum ServerCommands {
  private static let input = Option<String?>.text(
    "input", value: "[IMAGE|FOLDER]", flags: .positional,
    "an image to open, or a folder whose images can be opened")
  private static let root = Option<String?>.text(
    "root", value: "FOLDER", "the folder whose images can be opened, and that batches work on")
  private static let noBrowser = Option<Bool>.flag("no-browser", "print the address and open no browser")
  private static let port = Option<Int>.int(
    "port", limits: 0...65535, "port of this machine to listen at; 0: any that is free")
  private static let state = Option<String?>.text(
    "state", value: "FOLDER",
    "where images and their history are kept; else rtool's folder of the user's state")
  private static let jobs = Option<Int>.int(
    "jobs", letter: "j", initial: 1, limits: 1...64, "tasks that are done at once; others wait")

  static let studioParameters = [
    input.parameter, root.parameter, port.parameter, noBrowser.parameter, state.parameter, jobs.parameter,
    ListCommands.help.parameter,
  ]

  private static let token = Option<String?>.text(
    "token-file", value: "FILE",
    "a file of one line, which programs have to send as bearer token; else RTOOL_TOKEN, else a new one, which is printed "
      + "with the address as JSON on standard output"
  )
  private static let longestRun = Option<Int>.int(
    "time-limit", value: "SECONDS", initial: 600, limits: 1...86_400, "seconds after which a task is ended")
  private static let largest = Option<Int>.int(
    "max-request", value: "MEGABYTES", initial: 256, limits: 1...16_384,
    "size beyond which a request is refused")
  private static let queue = Option<Int>.int(
    "queue", initial: 64, limits: 1...10_000, "requests that may wait; more are refused for the moment")
  private static let serveJobs = Option<Int>.int(
    "jobs", letter: "j", limits: 0...64, "tasks that are done at once; 0: one for each processor")

  static let serveParameters = [
    port.parameter, serveJobs.parameter, queue.parameter, longestRun.parameter, largest.parameter,
    token.parameter,
    ListCommands.help.parameter,
  ]

  static func studio(_ values: OptionValues) throws {
    var settings = ServerSettings(
      kind: .studio, rtool: Installation.program, version: Installation.version, port: values[port],
      state: try values[state].map(absolute) ?? usualState())
    settings.opensBrowser = !values[noBrowser]
    settings.folder = try values[root].map(absolute)
    if let input = values[input] {
      let path = try absolute(input)
      guard fileExists(path) else { throw Failure.failed("there is no file or folder \(input)") }
      if isFolder(path) { settings.folder = path } else { settings.image = path }
    }
    if let folder = settings.folder, !isFolder(folder) { throw Failure.failed("\(folder) is no folder") }
    settings.jobs = values[jobs]
    settings.processors = Processors.count
    try become(settings)
  }

  static func serve(_ values: OptionValues) throws {
    var settings = ServerSettings(
      kind: .serve, rtool: Installation.program, version: Installation.version, port: values[port],
      state: "\(TemporaryFolder.parent)/rtool-serve-\(geteuid())")
    settings.processors = Processors.count
    settings.jobs = values[serveJobs] > 0 ? values[serveJobs] : settings.processors
    settings.longestQueue = values[queue]
    settings.longestRun = Double(values[longestRun])
    settings.longestBody = values[largest] << 20
    settings.token =
      try values[token].map(firstLine) ?? Installation.environment(ServerSettings.tokenVariable)
    if let token = settings.token {
      guard token.utf8.count >= 16, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw Failure.failed(
          "\(values[self.token] ?? ServerSettings.tokenVariable) is no token: it needs 16 letters, digits or signs, or more"
        )
      }
    }
    try become(settings)
  }

  private static func firstLine(ofFile path: String) throws -> String {
    guard let bytes = FileBytes.ofRegularFile(path) else {
      throw Failure.failed("\(path) cannot be read, or is no file")
    }
    let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
    return String(line)
  }

  /// The path of something that is there.
  private static func absolute(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    guard let folder = getcwd(nil, 0) else { throw Failure.failed("there is no current folder") }
    defer { free(folder) }
    return "\(String(cString: folder))/\(path)"
  }

  /// The user's folder for what should outlast a restart: $XDG_STATE_HOME/rtool, else ~/.local/state/rtool.
  private static func usualState() throws -> String {
    if let state = Installation.environment("XDG_STATE_HOME"), state.hasPrefix("/") {
      return state + "/rtool/studio"
    }
    guard let home = Installation.environment("HOME"), home.hasPrefix("/") else {
      throw Failure.usage("--state FOLDER is needed: there is no HOME to keep a history in")
    }
    return home + "/.local/state/rtool/studio"
  }

  private static func become(_ settings: ServerSettings) throws -> Never {
    let places = [Installation.programFolder, Installation.prefix + "/lib/rtool"]
    guard let program = places.map({ $0 + "/rtool-studio" }).first(where: { access($0, X_OK) == 0 }) else {
      throw Failure.failed(
        "the program rtool-studio is neither in \(places.joined(separator: " nor in ")); install it beside rtool"
      )
    }
    // Arguments can be read by other users of the machine, and the environment cannot.
    if let token = settings.token {
      setenv(ServerSettings.tokenVariable, token, 1)
    } else {
      unsetenv(ServerSettings.tokenVariable)
    }
    let words = [strdup(program), strdup(encodedJSON(settings)), nil]
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXFSZ, SIGPIPE] { signal(number, SIG_DFL) }
    execv(program, words)
    throw Failure.failed("\(program) cannot be run: \(String(cString: strerror(errno)))")
  }
}
