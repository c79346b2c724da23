import Glibc

/// `rtool --with-parent COMMAND ...`: a command that is ended, as by SIGTERM, when the program that started it is gone. The
/// system's own notice (PR_SET_PDEATHSIG) comes when the thread ends that started it, which may be long before.
enum ParentWatch {
  /// No task can have it as its name.
  static let word = "--with-parent"

  static func begin() throws {
    let parent = getppid()
    try JobThread.start {
      while getppid() == parent { usleep(300_000) }
      kill(getpid(), SIGTERM)
    }
  }
}
