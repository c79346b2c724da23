import Glibc

/// This program, run once more with other arguments.
struct ChildProcess {
  enum End: Equatable {
    case exited(Int32)
    case crashed(signal: Int32)
    /// It did not end in the time it had, and was ended.
    case timedOut
  }

  let arguments: [String]
  /// Its current folder; nil: this program's.
  var folder: String?
  /// Files for its streams.
  var input = "/dev/null"
  var output = "/dev/null"
  var errors = "/dev/null"
  /// Variables that are set besides those of this program.
  var environment: [String: String] = [:]
  var secondsAllowed = Double.infinity
  /// It is interrupted, as by Ctrl-C, after so many seconds.
  var secondsToInterrupt = Double.infinity

  /// Runs it to its end. An interruption of this program is handed on.
  func run() throws -> End {
    let process = try start()
    let begin = monotonicSeconds()
    var status: Int32 = 0
    var pause: UInt32 = 500
    var isInterrupted = false
    var isLate = false
    while true {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process { break }
      if ended < 0 && errno != EINTR {
        throw Failure.failed("a process was lost: \(String(cString: strerror(errno)))")
      }
      let elapsed = monotonicSeconds() - begin
      if !isInterrupted, Interrupt.isRequested || elapsed > secondsToInterrupt {
        isInterrupted = true
        kill(process, SIGINT)
      }
      if !isLate, elapsed > secondsAllowed {
        isLate = true
        kill(process, SIGKILL)
      }
      usleep(pause)
      pause = min(pause * 3 / 2, 10_000)
    }
    if Interrupt.isRequested { throw Failure.interrupted }
    if isLate { return .timedOut }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .crashed(signal: signal)
  }

  /// What it said last on standard error, without its own name.
  var lastWords: String {
    let text = FileBytes.ofRegularFile(errors).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let line = text.split(separator: "\n").last ?? "it failed without saying why"
    return String(line).replacing("rtool \(arguments[0]): ", with: "", maxReplacements: 1)
  }

  static func name(ofSignal signal: Int32) -> String {
    let names = [
      SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGFPE: "SIGFPE",
      SIGABRT: "SIGABRT", SIGKILL: "SIGKILL",
    ]
    return names[signal] ?? "signal \(signal)"
  }

  private func start() throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let writing = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, writing, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, writing, 0o600)
    if let folder { _ = Self.addChangeOfFolder?(&actions, folder) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Held back until the program listens for it, so that it cannot come too early.
    var held = sigset_t()
    sigemptyset(&held)
    sigaddset(&held, SIGINT)
    posix_spawnattr_setsigmask(&attributes, &held)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    let words = ([Installation.program] + arguments).map { strdup($0) } + [nil]
    let variables = allVariables.map { strdup($0) } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, Installation.program, &actions, &attributes, words, variables)
    guard code == 0 else {
      throw Failure.failed(
        "another \(Installation.program) cannot be run: \(String(cString: strerror(code)))")
    }
    return process
  }

  /// The C library has this function, but its headers offer it to GNU sources alone, and Swift is none.
  private static let addChangeOfFolder = dlsym(nil, "posix_spawn_file_actions_addchdir_np").map {
    unsafeBitCast(
      $0,
      to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32)
        .self
    )
  }

  private var allVariables: [String] {
    // A crash is told by its signal. The Swift runtime's own report takes long, and hides signals that were raised.
    let set = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    var variables: [String] = []
    var next = environ
    while let variable = next.pointee {
      let text = String(cString: variable)
      if set[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
      next += 1
    }
    return variables + set.map { "\($0.key)=\($0.value)" }
  }
}
