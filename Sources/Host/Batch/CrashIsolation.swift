import CLastWords
import Glibc
import Imaging
import RobustRuntime

/// Does a batch in a child of this process, a copy of it with the plan and all: where a plugin's code crashes, the child
/// is lost and not what it has done, and the next child goes on. The child is forked before the model is read and threads
/// are started, so that a batch without a crash is as fast as in one process.
enum CrashIsolation {
  private struct Shared {
    /// How many signals the child has met.
    var interrupts = 0
    /// Whether the child is at its end, which it tells itself.
    var isAtEnd = false
    var isOutOfMemory = false
  }

  /// nil: this process is no such child, nor has one.
  nonisolated(unsafe) private static var shared: UnsafeMutablePointer<Shared>?

  /// What is told of this child's crash.
  static func noteLackOfMemory() { shared?.pointee.isOutOfMemory = true }

  /// Calls `body` in a child; in another one again where that crashes, until one comes to its end. This process ends as that
  /// one does, so this function returns in children alone.
  /// - Parameter leave: is told what a child was at that crashed, and its process number.
  static func during<Result>(
    _ ledger: BatchLedger, task: String, leave: (Int, pid_t) -> Void, _ body: () throws -> Result
  ) throws -> Result {
    shared = try SharedMemory.buffer(of: Shared(), count: 1).baseAddress
    Imaging.sharePendingOutput()
    while true {
      shared?.initialize(to: Shared())
      let child = bound_child()
      if child == 0 {
        Interrupt.show(at: shared!.pointer(to: \.interrupts)!)
        ExitNotice.isToldElsewhere = true
        if Installation.environment("SWIFT_BACKTRACE") == nil { leaveOutBacktraces() }
        // Whatever is thrown, it is an end that is told.
        defer { shared?.pointee.isAtEnd = true }
        return try body()
      }
      guard child > 0 else {
        throw Failure.failed("no process can be started: \(String(cString: strerror(errno)))")
      }
      Interrupt.leaveToChild()
      let status = wait(for: child)
      let signal = status & 0x7F
      if shared!.pointee.isAtEnd { _exit(signal == 0 ? status >> 8 & 0xFF : 1) }
      Imaging.removePendingOutput()
      if Interrupt.isRequested { _exit(Failure.interrupted.exitCode) }
      let cause: CrashCause =
        signal != 0 ? .signal(signal) : shared!.pointee.isOutOfMemory ? .memory : .exit
      let lost = ledger.blame(cause)
      guard !lost.isEmpty else {
        Terminal.say("rtool \(task): \(cause.text)")
        _exit(1)
      }
      for index in lost { leave(index, child) }
    }
  }

  /// A crash is told in one line: the Swift runtime's own report takes seconds. Where the address space is limited, other
  /// handlers are in its place, and look at that.
  private static func leaveOutBacktraces() {
    guard AvailableMemory.addressSpace == nil else { return }
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] {
      signal(number, SIG_DFL)
    }
  }

  /// Waits for a child's end, and hands on signals that it has not met itself.
  /// - Returns: as waitpid does.
  private static func wait(for child: pid_t) -> Int32 {
    /// Signals to a group of processes, as of Ctrl-C, reach both, and one may be as late.
    let grace = 0.03
    var (status, pause) = (Int32(0), UInt32(500))
    var since: Double?
    while waitpid(child, &status, WNOHANG) != child {
      if Interrupt.count > shared!.pointee.interrupts {
        let now = monotonicSeconds()
        since = since ?? now
        if now - since! > grace {
          kill(child, SIGTERM)
          since = now
        }
      } else {
        since = nil
      }
      usleep(pause)
      pause = min(pause * 3 / 2, 10_000)
    }
    return status
  }
}
