import Foundation
import WorkerProtocol

/// A process with pipes to and from it. A worker ends when its input does, and so with this process.
final class PipedProcess: Sendable {
  /// How it ended.
  enum End: Sendable {
    case exited(Int32)
    case crashed(signal: Int32)
  }

  let process: pid_t
  private let input: Int32
  private let output: Int32

  /// - Parameter folder: its current folder; nil: this process's.
  /// - Throws: `StudioError` where none can be started.
  init(program: String, arguments: [String], folder: String? = nil) throws {
    var toWorker: [Int32] = [-1, -1]
    var fromWorker: [Int32] = [-1, -1]
    guard pipe(&toWorker) == 0, pipe(&fromWorker) == 0 else {
      throw StudioError(.failed, "no pipe can be made: \(String(cString: strerror(errno)))")
    }
    for end in toWorker + fromWorker { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer {
      close(toWorker[0])
      close(fromWorker[1])
    }
    (input, output) = (toWorker[1], fromWorker[0])
    do {
      process = try Self.spawn(
        program, arguments, folder: folder, input: toWorker[0], output: fromWorker[1])
    } catch {
      close(input)
      close(output)
      throw error
    }
  }

  deinit {
    close(input)
    close(output)
  }

  /// - Throws: `StudioError` where it is gone.
  func send(_ request: WorkerRequest) throws {
    var line = try JSONEncoder().encode(request)
    line.append(0x0A)
    try line.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = write(input, bytes.baseAddress! + done, bytes.count - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw StudioError(.failed, "a worker is gone") }
        done += count
      }
    }
  }

  /// Calls `take` with each line that it says, on the calling thread, to its end.
  func readLines(_ take: (Data) -> Void) -> End {
    var lines = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(output, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      lines.feed(buffer[..<count]) { take(Data($0)) }
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .crashed(signal: signal)
  }

  func end(_ signal: Int32) { kill(process, signal) }

  private static func spawn(
    _ program: String, _ arguments: [String], folder: String?, input: Int32, output: Int32
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    if let folder { _ = changeFolder?(&actions, folder) }
    // Sockets of this process would stay open in it.
    _ = closeFrom?(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Ctrl-C is for the server, which lets its workers end.
    posix_spawnattr_setpgroup(&attributes, 0)
    // Signals that this process waits for or leaves alone are as usual in it.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGPIPE, SIGXFSZ] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in words { free(pointer) } }
    let variables = environment.map { strdup($0) } + [nil]
    defer { for pointer in variables { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, program, &actions, &attributes, words, variables)
    guard code == 0 else {
      throw StudioError(.failed, "\(program) cannot be run: \(String(cString: strerror(code)))")
    }
    return process
  }

  /// A crash is told by its signal: the Swift runtime's own report takes seconds, unless somebody wants it.
  private static var environment: [String] {
    var variables = ["SWIFT_BACKTRACE=enable=no"]
    var next = environ
    while let variable = next.pointee {
      let text = String(cString: variable)
      if text.hasPrefix("SWIFT_BACKTRACE=") { variables[0] = text } else { variables.append(text) }
      next += 1
    }
    return variables
  }

  // The C library has these functions, but its headers offer them to GNU sources alone, and Swift is none.
  private typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>
  private static let closeFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: (@convention(c) (Actions, Int32) -> Int32).self)
  }
  private static let changeFolder = dlsym(nil, "posix_spawn_file_actions_addchdir_np").map {
    unsafeBitCast($0, to: (@convention(c) (Actions, UnsafePointer<CChar>) -> Int32).self)
  }
}

/// Why a request is not done, in words for whoever made it.
package struct StudioError: Error {
  package enum Kind: Sendable {
    case badRequest, unauthorised, forbidden, notFound, conflict, tooLarge, unsupported, busy, failed,
      diskFull, tooLate, broken, unavailable, badMethod
  }

  package let kind: Kind
  package let text: String

  package init(_ kind: Kind, _ text: String) { (self.kind, self.text) = (kind, text) }
}
