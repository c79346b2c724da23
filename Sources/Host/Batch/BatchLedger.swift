import Glibc

/// What became of each input of a batch, in memory that a process shares with those that it forks, so that nothing is
/// forgotten when one of these crashes. Its numbers are those of the plan's inputs.
final class BatchLedger: @unchecked Sendable {
  enum State: UInt8 {
    /// Nobody is at it; or somebody is.
    case waiting, begun
    case done, skipped, failed
    /// A process crashed on it, which is not told yet.
    case crashed
  }

  struct Entry {
    fileprivate(set) var state = State.waiting
    /// Whether it was one of several that a process was at when it crashed.
    fileprivate(set) var isSuspect = false
    /// What the crash was.
    fileprivate(set) var cause = CrashCause.exit
    /// When it was begun, in seconds of the monotonic clock.
    fileprivate(set) var begin = 0.0
  }

  /// When the batch began, in seconds of the monotonic clock.
  let start = monotonicSeconds()
  private let entries: UnsafeMutableBufferPointer<Entry>

  /// - Throws: `Failure` where there is no memory for it.
  init(count: Int) throws {
    entries = try SharedMemory.buffer(of: Entry(), count: count)
  }

  subscript(index: Int) -> Entry { entries[index] }

  func begin(_ index: Int) {
    entries[index].begin = monotonicSeconds()
    entries[index].state = .begun
  }

  /// It is left to another process, or will be looked at later.
  func putOff(_ index: Int) { entries[index].state = .waiting }

  func end(_ index: Int, _ status: BatchLine.Status) {
    entries[index].state =
      switch status {
      case .done: .done
      case .skipped: .skipped
      case .failed: .failed
      }
  }

  /// A process crashed. The one input that it was at is to blame; of several nobody knows, and each is done alone.
  /// - Returns: those that it was at.
  func blame(_ cause: CrashCause) -> [Int] {
    let begun = entries.indices.filter { entries[$0].state == .begun }
    for index in begun {
      entries[index].state = begun.count == 1 ? .crashed : .waiting
      entries[index].isSuspect = true
      entries[index].cause = cause
    }
    return begun
  }
}

/// How a process ended that was not at its end.
enum CrashCause {
  case signal(Int32)
  case memory
  /// Code that it ran called exit().
  case exit

  var text: String {
    switch self {
    case .signal(SIGKILL): "the process was killed (SIGKILL), as a system does that is out of memory"
    case .signal(let signal): "the task crashed (\(ChildProcess.name(ofSignal: signal))); tell its author"
    case .memory: "out of memory"
    case .exit: "the task ended the program; tell its author"
    }
  }
}

/// Memory that a process shares with those that it forks.
enum SharedMemory {
  /// - Throws: `Failure` where there is none.
  static func buffer<Element: BitwiseCopyable>(of element: Element, count: Int) throws
    -> UnsafeMutableBufferPointer<Element>
  {
    let bytes = max(1, count) * MemoryLayout<Element>.stride
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw Failure.noMemory() }
    let buffer = UnsafeMutableBufferPointer(
      start: memory.assumingMemoryBound(to: Element.self), count: count)
    buffer.initialize(repeating: element)
    return buffer
  }
}
