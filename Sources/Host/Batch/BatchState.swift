/// How far a batch is.
struct BatchState {
  /// Inputs that nobody has begun, the next one last.
  private var waiting: [Int] = []
  /// The inputs that other processes are at, and when to look at them again.
  private var putOff: [(index: Int, time: Double)] = []
  private(set) var counts: [BatchLine.Status: Int] = [:]
  /// The inputs that failed.
  var failures: [String] = []
  /// Workers that are not at their end, and jobs of theirs that compute.
  var workers = 0
  var computing = 0
  /// How much is done of the jobs that are at work.
  var fractions: [Int: Double] = [:]
  /// Inputs that are done while nobody is at another one: one of them crashed a process.
  private var suspects: Set<Int> = []
  /// How many inputs are being worked on, and whether that is such a one.
  private var active = 0
  private var isAlone = false
  /// Why nothing more is begun.
  var end: Failure?
  /// Whether the program ends, so that nothing more is told.
  var isOver = false

  /// Seconds after which an input that another process is at is looked at again.
  private static let pause = 1.0

  /// - Parameter indices: in the order in which they are begun, but for suspects, which come first.
  init(_ indices: [Int], _ plan: BatchPlan, _ ledger: BatchLedger) {
    var (others, first): ([Int], [Int]) = ([], [])
    for index in indices {
      let entry = ledger[index]
      switch entry.state {
      case .done: count(.done)
      case .skipped: count(.skipped)
      case .failed:
        count(.failed)
        failures.append(plan.inputs[index].title)
      case .crashed: break
      case .waiting, .begun:
        if entry.isSuspect { first.append(index) } else { others.append(index) }
      }
    }
    suspects = Set(first)
    waiting = others.reversed() + first.reversed()
  }

  /// Whether there is nothing left to begin, now or later.
  var isEmpty: Bool { waiting.isEmpty && putOff.isEmpty }

  /// Whether all that is left to begin was put off.
  var isIdle: Bool { waiting.isEmpty }

  /// nil: there is nothing at this time.
  mutating func next(at time: Double) -> Int? {
    let due = putOff.first.flatMap { $0.time <= time ? $0.index : nil }
    guard !isAlone, let index = waiting.last ?? due else { return nil }
    if suspects.contains(index) {
      if active > 0 { return nil }
      isAlone = true
    }
    if waiting.popLast() == nil { putOff.removeFirst() }
    active += 1
    return index
  }

  /// Nobody works on it any more.
  mutating func leave() {
    active -= 1
    isAlone = false
  }

  mutating func putOff(_ index: Int) { putOff.append((index, monotonicSeconds() + Self.pause)) }

  mutating func count(_ status: BatchLine.Status) { counts[status, default: 0] += 1 }

  var ended: Int { counts.values.reduce(0, +) }
}
