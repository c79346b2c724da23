import Glibc

/// Stacks that are large enough, whatever `ulimit -s` says.
enum Stack {
  /// The limit beyond which nothing is done about it, and the size that stacks have else.
  private static let (enough, size) = (1 << 20, 8 << 20)

  /// Calls `body`: on this thread, or where its stack is small on another one.
  static func run(_ body: @escaping @Sendable () -> Never) -> Never {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit) == 0, limit.rlim_cur < enough else {
      body()
    }
    final class Start {
      let body: @Sendable () -> Never
      init(_ body: @escaping @Sendable () -> Never) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, size)
    // Threads that are started later would have stacks of the limit's size.
    setDefault(enough)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes, { Unmanaged<Start>.fromOpaque($0!).takeRetainedValue().body() },
      Unmanaged.passRetained(Start(body)).toOpaque())
    guard code == 0 else {
      let (stack, reason) = (limit.rlim_cur >> 10, String(cString: strerror(code)))
      Terminal.say(
        "rtool: the stack may have only \(stack) KiB (ulimit -s), and a larger one cannot be had: \(reason)")
      _exit(1)
    }
    // Signals are for threads that have room for them.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, nil)
    while true { pause() }
  }

  /// Threads that are started from now on have stacks that take little address space.
  static func spareAddressSpace() { setDefault(enough) }

  private static func setDefault(_ size: Int) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, size)
    _ = setDefaultAttributes?(&attributes)
    pthread_attr_destroy(&attributes)
  }

  /// The C library has this function, but its headers offer it to GNU sources alone, and Swift is none.
  private static let setDefaultAttributes = dlsym(nil, "pthread_setattr_default_np").map {
    unsafeBitCast($0, to: (@convention(c) (UnsafePointer<pthread_attr_t>) -> Int32).self)
  }
}
