import Glibc
import Synchronization

/// Threads that share work which is cut into pieces. How it is cut must not depend on their number.
public struct Crew: Sendable {
  /// How many threads there may be, the caller's included.
  public var threads: Int

  public init(threads: Int = 1) { self.threads = threads }

  /// Calls `body` once for each piece, in any order and several at a time, and returns when all are done.
  public func run(_ pieces: Int, _ body: @escaping @Sendable (_ piece: Int) -> Void) {
    let job = Job(pieces: pieces, body: body)
    let helpers = (1..<max(1, min(threads, pieces))).compactMap { _ in job.helper() }
    job.work()
    for helper in helpers { pthread_join(helper, nil) }
  }

  private final class Job: Sendable {
    private let pieces: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)

    init(pieces: Int, body: @escaping @Sendable (Int) -> Void) {
      self.pieces = pieces
      self.body = body
    }

    func work() {
      while true {
        let piece = next.add(1, ordering: .relaxed).oldValue
        guard piece < pieces else { return }
        body(piece)
      }
    }

    /// A thread that works until no piece is left; nil: there are no more threads, and the others do its part.
    func helper() -> pthread_t? {
      let job = Unmanaged.passRetained(self)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          Unmanaged<Job>.fromOpaque(context!).takeRetainedValue().work()
          return nil
        }, job.toOpaque())
      guard status == 0 else {
        job.release()
        return nil
      }
      return thread
    }
  }
}
