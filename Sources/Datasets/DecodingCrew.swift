import Glibc

/// What is to be decoded: a file to be read, or the bytes of one.
enum Work: Sendable {
  case file(SystemPath, Place)
  case bytes([UInt8], Place)

  /// Memory that it takes while it waits.
  var cost: Int {
    if case .bytes(let bytes, _) = self { bytes.count } else { 0 }
  }
}

/// Threads that decode photos into a cache. All but `run`, which they call, is for one thread.
final class DecodingCrew: @unchecked Sendable {
  /// The most work that waits.
  private static let most = (count: 256, bytes: 64 << 20)

  private let decoder: PhotoDecoder
  private let writer: CacheWriter
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  // Guarded by the mutex.
  private var waiting: [Work] = []
  private var waitingBytes = 0
  private var isClosed = false
  private var working = 0
  private var threads: [pthread_t] = []

  /// Starts so many threads, or fewer where the system refuses; without any, the work is done where it is
  /// given.
  init(_ decoder: PhotoDecoder, _ writer: CacheWriter, threads count: Int) {
    self.decoder = decoder
    self.writer = writer
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
    // Signals are for the thread that asks whether to go on; and a file that grows too large is an error, no
    // signal.
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    for _ in 0..<count {
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          Unmanaged<DecodingCrew>.fromOpaque(context!).takeUnretainedValue().run()
          return nil
        }, Unmanaged.passUnretained(self).toOpaque())
      if status == 0 { threads.append(thread) }
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Waits, but not longer than a tenth of a second, for room, and takes the work if there is some.
  func offer(_ work: Work) -> Bool {
    if threads.isEmpty {
      perform(work)
      return true
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if !hasRoom { waitAWhile() }
    guard hasRoom else { return false }
    waiting.append(work)
    waitingBytes += work.cost
    pthread_cond_broadcast(changed)
    return true
  }

  /// Waits, but not longer than a tenth of a second, until all work is done.
  func isIdle() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if working + waiting.count > 0 { waitAWhile() }
    return working + waiting.count == 0
  }

  /// Ends the threads; what waits is not done any more. To be called once, before the crew goes.
  func dismiss() {
    pthread_mutex_lock(mutex)
    isClosed = true
    waiting.removeAll()
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
    for thread in threads { pthread_join(thread, nil) }
  }

  private var hasRoom: Bool { waiting.count < Self.most.count && waitingBytes < Self.most.bytes }

  private func waitAWhile() {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    end.tv_nsec += 100_000_000
    if end.tv_nsec >= 1_000_000_000 {
      (end.tv_sec, end.tv_nsec) = (end.tv_sec + 1, end.tv_nsec - 1_000_000_000)
    }
    pthread_cond_timedwait(changed, mutex, &end)
  }

  private func run() {
    pthread_mutex_lock(mutex)
    while true {
      while waiting.isEmpty, !isClosed { pthread_cond_wait(changed, mutex) }
      if isClosed { break }
      let work = waiting.removeFirst()
      waitingBytes -= work.cost
      working += 1
      pthread_mutex_unlock(mutex)
      perform(work)
      pthread_mutex_lock(mutex)
      working -= 1
      pthread_cond_broadcast(changed)
    }
    pthread_mutex_unlock(mutex)
  }

  private func perform(_ work: Work) {
    let (contents, place) = contents(of: work)
    switch contents {
    case .failure(let problem): writer.leaveOut("\(place.shown): \(problem.text)")
    case .success(let bytes):
      switch decoder.decode(bytes, place) {
      case .success(let (record, pixels)): writer.add(record, className: place.className, pixels: pixels)
      case .failure(let error): writer.leaveOut(error.description)
      }
    }
  }

  private func contents(of work: Work) -> (Result<[UInt8], ReadingProblem>, Place) {
    switch work {
    case .file(let path, let place): (bytes(ofFile: path, limit: decoder.maxBytes), place)
    case .bytes(let bytes, let place): (.success(bytes), place)
    }
  }
}
