import Glibc

/// A program that is run by the tests, with files for its streams, in a process group of its own. Nothing else that
/// this process has open is open there.
///
/// Foundation's `Process` is not used: it copies entries of /proc/self/fd from beyond the end of their buffer, which ends
/// the whole test run by SIGSEGV once some 1,350 files are open, and it leaves the files of its streams open.
struct Spawn {
  let program: String
  let arguments: [String]
  let folder: String
  /// All variables that it sees.
  let environment: [String: String]
  /// Paths; errors may go to the same file as the output.
  var input = "/dev/null"
  var output = "/dev/null"
  var errors = "/dev/null"
  /// A program that takes longer is killed, so that one that hangs fails its test and not the whole run.
  var secondsAllowed = longest

  /// More than any program takes that is not stuck, even where it is one of many on a slow machine.
  static let longest = 400

  struct NotStarted: Error { let code: Int32 }

  /// A process that was started.
  struct Running {
    let process: pid_t
    let secondsAllowed: Int

    /// Waits for its end.
    /// - Returns: the exit status, or a signal's number, negated.
    func wait() -> Int32 {
      var status: Int32 = 0
      var waited = 0
      while waitpid(process, &status, WNOHANG) != process {
        if waited > secondsAllowed * 1_000_000 { kill(process, SIGKILL) }
        usleep(2000)
        waited += 2000
      }
      return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }
  }

  func run() throws -> Int32 { try start().wait() }

  func start() throws -> Running {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_RDWR | O_CREAT | O_NOCTTY, 0o600)
    if errors == output {
      posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_RDWR | O_CREAT | O_NOCTTY, 0o600)
    }
    _ = Self.changeFolder(&actions, folder)
    _ = Self.closeFrom(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, program, &actions, &attributes, words, variables)
    guard code == 0 else { throw NotStarted(code: code) }
    return Running(process: process, secondsAllowed: secondsAllowed)
  }

  // The C library has these functions, but its headers offer them to GNU sources alone, and Swift is none.
  private typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>
  private static let changeFolder = unsafeBitCast(
    dlsym(nil, "posix_spawn_file_actions_addchdir_np")!,
    to: (@convention(c) (Actions, UnsafePointer<CChar>) -> Int32).self)
  private static let closeFrom = unsafeBitCast(
    dlsym(nil, "posix_spawn_file_actions_addclosefrom_np")!,
    to: (@convention(c) (Actions, Int32) -> Int32).self)
}
