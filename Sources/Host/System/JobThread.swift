import Glibc

/// A thread on which a task may run: with a stack as the program's own has it.
enum JobThread {
  private static let stack = 8 << 20

  /// Calls `body` on a thread of its own.
  /// - Throws: `Failure` where none can be had.
  static func start(_ body: @escaping @Sendable () -> Void) throws {
    final class Start {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stack)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let code = pthread_create(
      &thread, &attributes,
      {
        Unmanaged<Start>.fromOpaque($0!).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw Failure.failed("no thread can be started: \(String(cString: strerror(code)))")
    }
  }
}
