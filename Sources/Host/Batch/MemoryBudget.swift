import Glibc
import RobustRuntime

/// Memory that jobs share: one waits while what it needs would go beyond it. A job alone is never kept waiting, since
/// waiting would not help it.
final class MemoryBudget: Sendable {
  let bytes: Int
  private let state = Monitor(State())

  private struct State {
    var taken = 0
    /// Jobs that have memory, and those of them that wait for more.
    var holders = 0
    var stuck = 0
  }

  /// What one job has.
  final class Share {
    fileprivate(set) var bytes = 0
    fileprivate init() {}
  }

  init(bytes: Int) { self.bytes = bytes }

  /// Calls `body` once so many bytes can be had, and gives them back afterwards.
  /// - Throws: what `body` throws, or `Failure.interrupted`.
  func with<Result>(_ need: Int, _ body: (Share) throws -> Result) throws -> Result {
    let share = Share()
    try state.wait { state -> Void? in
      if Interrupt.isRequested { throw Failure.interrupted }
      guard state.holders == 0 || state.taken + need <= bytes else { return nil }
      state.taken += need
      state.holders += 1
      share.bytes = need
      return ()
    }
    defer {
      state.change {
        $0.taken -= share.bytes
        $0.holders -= 1
      }
    }
    return try body(share)
  }

  /// Waits until the share can be as large. Where all others wait as well, the first goes on.
  func enlarge(_ share: Share, to need: Int) throws {
    guard need > share.bytes else { return }
    let more = need - share.bytes
    var isStuck = false
    try state.wait { state -> Void? in
      if !isStuck { (isStuck, state.stuck) = (true, state.stuck + 1) }
      guard state.taken + more <= bytes || state.stuck == state.holders || Interrupt.isRequested else {
        return nil
      }
      state.stuck -= 1
      if Interrupt.isRequested { throw Failure.interrupted }
      state.taken += more
      share.bytes = need
      return ()
    }
  }

  /// Three quarters of what the machine has left, or of what limits leave.
  static var usual: Int { (available ?? 4 << 30) / 4 * 3 }

  private static var available: Int? {
    [AvailableMemory.now?.bytes, ofMachine].compactMap(\.self).min()
  }

  private static var ofMachine: Int? {
    SystemFile.field("MemAvailable:", of: "/proc/meminfo").flatMap { Int($0) }.map { $0 << 10 }
  }
}
