import Glibc
import Imaging
import Synchronization

/// Ctrl-C and its like: the first asks the task to stop at its next step, the second ends the program at once; so does the
/// first where input is waited for, which may never come.
enum Interrupt {
  private static let requests = Atomic<Int>(0)

  static var isRequested: Bool { count > 0 }

  /// How often it was asked for.
  static var count: Int { requests.load(ordering: .relaxed) }

  /// Where this process shows another how often it was asked, and whether that is left to do what is asked for.
  nonisolated(unsafe) private static var shown: UnsafeMutablePointer<Int>?
  nonisolated(unsafe) private static var isLeftToChild = false

  /// From now on signals are counted at `place` too.
  static func show(at place: UnsafeMutablePointer<Int>) {
    (shown, isLeftToChild) = (place, false)
    place.pointee = count
  }

  /// From now on no signal ends this process: a child does what is asked for, and this process waits for its end.
  static func leaveToChild() { isLeftToChild = true }

  /// Asks the task to stop, as a signal does, but never ends the program.
  static func request() { requests.add(1, ordering: .relaxed) }

  /// The task has stopped, and another may begin.
  static func withdraw() { requests.store(0, ordering: .relaxed) }

  static func listen() {
    signal(SIGPIPE, SIG_IGN)
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXFSZ] {
      sigaddset(&numbers, number)
      var present = sigaction()
      sigaction(number, nil, &present)
      // nohup has the last word on SIGHUP.
      if number == SIGHUP, present.__sigaction_handler.sa_handler != nil { continue }
      var action = sigaction()
      action.sa_flags = SA_SIGINFO | SA_RESTART
      action.__sigaction_handler.sa_sigaction = { number, facts, _ in
        // A write beyond `ulimit -f` fails, and says so: the signal that the system sends with it is no request.
        if number == SIGXFSZ, facts?.pointee._sifields._kill.si_pid == getpid() { return }
        WaitingInput.end()
        let count = Interrupt.requests.add(1, ordering: .relaxed).newValue
        Interrupt.shown?.pointee = count
        if Interrupt.isLeftToChild { return }
        if count > 1 || WaitingInput.isAwaited {
          Imaging.removePendingOutput()
          _exit(Failure.interrupted.exitCode)
        }
      }
      sigaction(number, &action, nil)
    }
    // Programs that start others from worker threads hand down a mask that blocks all.
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }
}
