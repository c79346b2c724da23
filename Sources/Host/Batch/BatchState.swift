/// How far a batch is.
struct BatchState {
  /// Inputs that nobody has begun, the next one last.
  private var waiting: [Int]
  /// Those that other processes are at, and when to look at them again.
  private var putOff: [(index: Int, time: Double)] = []
  private(set) var counts: [BatchLine.Status: Int] = [:]
  /// Those that failed.
  var failures: [String] = []
  /// Workers that are not at their end, and jobs of theirs that compute.
  var workers = 0
  var computing = 0
  /// Of the jobs that are at work, how much is done.
  var fractions: [Int: Double] = [:]
  /// Why nothing more is begun.
  var end: Failure?
  /// Whether the program ends, so that nothing more is told.
  var isOver = false

  /// Seconds after which an input that another process is at is looked at again.
  private static let pause = 1.0

  /// - Parameter indices: in the order in which they are begun.
  init(_ indices: [Int]) { waiting = indices.reversed() }

  /// Whether there is nothing left to begin, now or later.
  var isEmpty: Bool { waiting.isEmpty && putOff.isEmpty }

  /// nil: there is nothing at this time.
  mutating func next(at time: Double) -> Int? {
    if let index = waiting.popLast() { return index }
    guard let first = putOff.first, first.time <= time else { return nil }
    return putOff.removeFirst().index
  }

  mutating func putOff(_ index: Int) { putOff.append((index, monotonicSeconds() + Self.pause)) }

  mutating func count(_ status: BatchLine.Status) { counts[status, default: 0] += 1 }

  var ended: Int { counts.values.reduce(0, +) }
}
