import Glibc

/// Runs the task in processes of their own, in folders of their own, with a limit of time.
final class CheckRunner {
  let task: String
  let secondsAllowed: Double
  private let temporary: TemporaryFolder
  private let inputs: String
  private let environment: [String: String]
  /// The options of the host's own that the task has, which not all have.
  var hostOptions: Set<String> = []
  private var count = 0
  /// The bytes of the samples as they were made.
  private var originals: [String: [UInt8]] = [:]
  /// The first run after which an input was not as before.
  private(set) var damage: String?

  /// - Parameter folder: that of the plugin.
  init(task: String, folder: String, secondsAllowed: Double) throws {
    self.task = task
    self.secondsAllowed = secondsAllowed
    temporary = try TemporaryFolder()
    inputs = try temporary.folder("inputs")
    let others = Installation.environment("RTOOL_PATH").map { ":\($0)" } ?? ""
    // The runs are to look for more than a user has looked for.
    environment = ["RTOOL_PATH": folder + others, "RTOOL_CHECK": "1"]
    // Crashes are expected, and what the system would keep of them is not needed.
    var none = rlimit()
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  }

  func images(_ name: String, width: Int, height: Int, channels: Int = 3, bitDepth: Int = 8) throws
    -> SampleImages
  {
    let images = try SampleImages(
      in: inputs, name: name, width: width, height: height, channels: channels, bitDepth: bitDepth)
    for file in images.files { originals[file] = FileBytes.ofRegularFile(file) }
    return images
  }

  /// Runs `rtool` with these arguments.
  func run(
    _ arguments: [String], interruptedAfter seconds: Double = .infinity, secondsAllowed: Double? = nil
  ) throws -> CheckedRun {
    count += 1
    let folder = try temporary.folder("\(count)")
    var child = ChildProcess(arguments: arguments)
    child.folder = folder
    child.output = "\(temporary.path)/\(count)-output"
    child.errors = "\(temporary.path)/\(count)-errors"
    child.environment = environment
    child.secondsAllowed = secondsAllowed ?? self.secondsAllowed
    child.secondsToInterrupt = seconds
    let start = monotonicSeconds()
    let end = try child.run()
    let elapsed = monotonicSeconds() - start
    var results: [String: [UInt8]] = [:]
    for name in contents(ofFolder: folder) {
      results[name] = FileBytes.ofRegularFile("\(folder)/\(name)") ?? []
    }
    if let text = FileBytes.ofRegularFile(child.output), !text.isEmpty { results["-"] = text }
    let errors = String(decoding: FileBytes.ofRegularFile(child.errors) ?? [], as: UTF8.self)
    let words = arguments.map { InfoCommand.quotedForShell($0.replacing("\(inputs)/", with: "")) }
    let command = "rtool " + words.joined(separator: " ")
    try restoreInputs(after: command, given: arguments)
    return CheckedRun(
      command: command, end: end, results: results, errors: errors.split(separator: "\n"), seconds: elapsed)
  }

  /// Runs the task with these values.
  func run(
    _ values: [(parameter: CommandParameter, text: String)], host: [String] = [],
    interruptedAfter seconds: Double = .infinity, secondsAllowed: Double? = nil
  ) throws -> CheckedRun {
    let options = (["--output=out.png", "--quiet"] + host).filter { word in
      hostOptions.contains(String(word.dropFirst(2).prefix { $0 != "=" }))
    }
    return try run(
      [task] + StepArguments.words(values, host: options),
      interruptedAfter: seconds, secondsAllowed: secondsAllowed)
  }

  private func restoreInputs(after command: String, given arguments: [String]) throws {
    for (path, bytes) in originals where arguments.contains(where: { $0.hasSuffix(path) }) {
      if FileBytes.ofRegularFile(path) == bytes { continue }
      damage = damage ?? "\(fileName(of: path)) was changed by \(command)"
      unlink(path)
      try FileBytes.write(bytes, toNewFile: path)
    }
  }
}
