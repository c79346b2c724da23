import CKernels
import Glibc
import Synchronization

/// Sets how many threads compute, all classifiers together, in 1...64. The results do not depend on it.
public func configure(threads: Int) {
  Workers.shared.threads.store(min(max(threads, 1), Workers.limit), ordering: .relaxed)
}

/// A thread pool for work that is cut in tasks. How the work is cut never depends on the number of
/// threads, so neither do the results.
package final class Workers: @unchecked Sendable {
  package static let shared = Workers()
  /// The most threads there may be, the caller of `run` included.
  package static let limit = 64
  /// Pauses of a waiting thread before it goes to sleep, some tens of microseconds.
  private static let patience = 2000

  private typealias Body = (_ task: Int, _ worker: Int) -> Void

  let threads: Atomic<Int>

  // One job at a time. Threads that spin see it by the atomics alone; `mutex` guards going to sleep and waking.
  private let busy = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let left = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// The job's closure, written while the job is closed and nobody has joined it.
  private var job: UnsafePointer<Body>?
  private var helpers = 0
  private let tasks = Atomic(0)
  /// The tasks are shared out among so many workers, each of which begins with those of its own share. So in one
  /// job after the other a worker meets the same part of the data, which lies in its core's cache.
  private let shares = Atomic(1)
  /// Whether helpers may join. A helper counts itself first and looks at this then; the caller closes the job first
  /// and looks at the count then. So no helper works on what is over.
  private let open = Atomic(false)
  private let joined = Atomic(0)
  /// Tasks that nobody has begun.
  private let waiting = Atomic(0)
  private let sleepers = Atomic(0)
  private let callerSleeps = Atomic(false)
  private let nextOfShare = UnsafeMutablePointer<Counter>.allocate(capacity: Workers.limit)

  /// A counter alone in its cache lines.
  private struct Counter: ~Copyable {
    let value = Atomic(0)
    private let room: InlineArray<15, Int> = .init(repeating: 0)
  }

  private init() {
    threads = Atomic(min(max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1), Workers.limit))
    for share in 0..<Workers.limit { (nextOfShare + share).initialize(to: Counter()) }
    pthread_mutex_init(busy, nil)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    pthread_cond_init(left, nil)
  }

  /// Calls `body(task, worker)` once for each task, on several threads, and returns when all are done. No
  /// two calls with the same worker, which is below `limit`, overlap. While the pool is busy with another
  /// caller, the work is done on this thread alone.
  package func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    let wanted = min(threads.load(ordering: .relaxed), tasks)
    guard wanted > 1, pthread_mutex_trylock(busy) == 0 else {
      for task in 0..<tasks { body(task, 0) }
      return
    }
    defer { pthread_mutex_unlock(busy) }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { body in share(body, tasks, helpers: wanted - 1) }
    }
  }

  private func share(_ body: UnsafePointer<Body>, _ tasks: Int, helpers wanted: Int) {
    while helpers < wanted, start(worker: helpers + 1) { helpers += 1 }
    job = body
    self.tasks.store(tasks, ordering: .relaxed)
    let shares = min(wanted, helpers) + 1
    self.shares.store(shares, ordering: .relaxed)
    for share in 0..<shares { nextOfShare[share].value.store(tasks * share / shares, ordering: .relaxed) }
    waiting.store(tasks, ordering: .relaxed)
    open.store(true, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(wake)
      pthread_mutex_unlock(mutex)
    }

    work(body, tasks, worker: 0)

    open.store(false, ordering: .sequentiallyConsistent)
    var pauses = 0
    while joined.load(ordering: .sequentiallyConsistent) > 0 {
      rt_pause()
      pauses += 1
      if pauses > Workers.patience {
        waitForHelpers()
        break
      }
    }
    job = nil
  }

  private func waitForHelpers() {
    pthread_mutex_lock(mutex)
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    while joined.load(ordering: .sequentiallyConsistent) > 0 { pthread_cond_wait(left, mutex) }
    callerSleeps.store(false, ordering: .relaxed)
    pthread_mutex_unlock(mutex)
  }

  // Not inlined, so that no reference to the closure is held when it returns.
  @inline(never)
  private func work(_ body: UnsafePointer<Body>, _ tasks: Int, worker: Int) {
    let shares = shares.load(ordering: .relaxed)
    for other in 0..<shares {
      let share = (worker + other) % shares
      let (next, end) = (nextOfShare + share, tasks * (share + 1) / shares)
      while next.pointee.value.load(ordering: .relaxed) < end {
        let task = next.pointee.value.add(1, ordering: .relaxed).oldValue
        if task >= end { break }
        waiting.subtract(1, ordering: .relaxed)
        body.pointee(task, worker)
      }
    }
  }

  private func help(worker: Int) {
    while true {
      var pauses = 0
      while !hasWork(for: worker) {
        rt_pause()
        pauses += 1
        if pauses > Workers.patience { sleep(worker: worker) }
      }
      joined.add(1, ordering: .sequentiallyConsistent)
      if open.load(ordering: .sequentiallyConsistent), let job {
        work(job, tasks.load(ordering: .relaxed), worker: worker)
      }
      if joined.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
        callerSleeps.load(ordering: .sequentiallyConsistent)
      {
        pthread_mutex_lock(mutex)
        pthread_cond_signal(left)
        pthread_mutex_unlock(mutex)
      }
    }
  }

  private func sleep(worker: Int) {
    pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while !hasWork(for: worker) { pthread_cond_wait(wake, mutex) }
    sleepers.subtract(1, ordering: .relaxed)
    pthread_mutex_unlock(mutex)
  }

  private func hasWork(for worker: Int) -> Bool {
    open.load(ordering: .sequentiallyConsistent) && waiting.load(ordering: .relaxed) > 0
      && worker < threads.load(ordering: .relaxed)
  }

  private func start(worker: Int) -> Bool {
    final class Start {
      let (workers, worker): (Workers, Int)
      init(_ workers: Workers, _ worker: Int) { (self.workers, self.worker) = (workers, worker) }
    }
    let start = Unmanaged.passRetained(Start(self, worker))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
        start.workers.help(worker: start.worker)
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      start.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}

extension Workers {
  /// Calls `body(start, count)` for consecutive parts of a long range.
  func run(over count: Int, by size: Int = 1 << 15, _ body: (_ start: Int, _ count: Int) -> Void) {
    run((count + size - 1) / size) { task, _ in
      body(task * size, min(size, count - task * size))
    }
  }
}
