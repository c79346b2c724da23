import Glibc
import Synchronization

/// Reading from what may never come: standard input, a pipe, a terminal. A signal that asks the program to stop finds
/// nothing begun then, and no step at which it could stop, so that it may end at once.
public enum WaitingInput {
  private static let readers = Atomic<Int>(0)
  private static let isOver = Atomic<Bool>(false)

  /// Whether something is being waited for. Async-signal-safe.
  public static var isAwaited: Bool { readers.load(ordering: .sequentiallyConsistent) > 0 }

  /// Says that the program is to end, so that whoever begins to wait from now on is sent SIGINT. Async-signal-safe.
  public static func end() { isOver.store(true, ordering: .sequentiallyConsistent) }

  /// Calls `body`, which may wait for input.
  /// - Parameter descriptor: what it reads; of regular files nothing is waited for.
  public static func during<Result, Failure: Error>(
    reading descriptor: Int32, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var status = stat()
    let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    return try isFile ? body() : during(body)
  }

  /// Calls `body`, which may wait for input.
  public static func during<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    readers.add(1, ordering: .sequentiallyConsistent)
    if isOver.load(ordering: .sequentiallyConsistent) { raise(SIGINT) }
    defer { readers.subtract(1, ordering: .sequentiallyConsistent) }
    return try body()
  }
}
