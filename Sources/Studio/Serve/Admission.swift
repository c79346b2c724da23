import Synchronization

/// So many requests for tasks at once, whether they are being done or wait: what each takes of disk and memory is bounded,
/// and so is all.
final class Admission: Sendable {
  /// The place of one request.
  final class Ticket: Sendable {
    private let admission: Admission

    fileprivate init(_ admission: Admission) { self.admission = admission }

    deinit { admission.leave() }
  }

  private let most: Int
  private let count = Mutex(0)

  init(most: Int) { self.most = most }

  /// - Throws: `StudioError` where there are enough.
  func enter() throws -> Ticket {
    let isFree = count.withLock { count in
      guard count < most else { return false }
      count += 1
      return true
    }
    guard isFree else {
      throw StudioError(.busy, "\(most) requests are being done or wait already; try again later")
    }
    return Ticket(self)
  }

  private func leave() { count.withLock { $0 -= 1 } }
}
