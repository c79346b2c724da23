import CRTool
import Glibc
import Imaging
import RobustRuntime
import Synchronization

/// One run of a task: what the functions of the host table work on, and all the memory they hand out.
///
/// The any-thread functions touch only what is behind the lock.
final class Run: @unchecked Sendable {
  let task: String
  let classifier: Classifier
  let seed: UInt64
  let threads: Int
  let isVerbose, wantsJSON: Bool
  let console: Console
  /// Bits of each channel of images made from nothing; nil: as the task says.
  let bitDepth: Int?
  /// Bits that their file keeps.
  let keptBits: Int
  /// Which of several runs of the task this is.
  let part: Part
  /// Keeps how the ascents went; nil: nobody wants to see it.
  let recorder: Recorder?
  /// Shows how the ascents go; nil: nobody watches.
  let liveView: LiveView?
  /// What the runs of this process share.
  let prepared: PreparedObjects
  /// Image files that stay open from run to run; nil: none do.
  let opened: OpenImages?
  /// The user's images by the address of their pixels, to know them again in `emit`.
  var sources: [UnsafeMutablePointer<Float>: SourceImage] = [:]
  /// What is opened when the task asks for it, by the place of its parameter.
  var imagesOnDemand: [Int: ImagesOnDemand] = [:]
  /// Whether a result may be made here; throws where not. See `rtool_expectation`.
  var checkExpected: (Expectation) throws -> Void = { _ in }
  /// What the task was given to read, with the names of the files.
  var inputs: [(name: String, image: rtool_image)] = []
  /// The content of the user's files that are no images, by name.
  var files: [String: [UInt8]] = [:]
  /// Networks that enlarge images, by the files that they were read from.
  var upscalers: [String: Upscaler] = [:]
  /// The models that values name, by these texts, and the tables of functions that ask them.
  var otherModels: [String: Classifier] = [:]
  var hosts: [String: UnsafePointer<rtool_host>] = [:]
  private(set) var emitted: [Emission] = []
  /// What was printed, or with --json the task's one JSON value.
  var text: String { wantsJSON ? json ?? printed : printed }
  private var printed = ""
  /// Whether results went out while the task was running, and those that are still held back.
  private(set) var hasParts = false
  private(set) var heldParts = ""
  private var json: String?
  private var isEndedEarly = false
  /// The thread that `run` is called on.
  private let thread = pthread_self()

  struct Emission {
    let result: ResultImage
    /// The image it was laid over.
    let source: SourceImage?
    /// What it is among the results; nil: the result, or one of several that are numbered.
    let name: String?
    let caption: String?
    /// Milliseconds; not 0: it is a frame of an animation.
    let frameDuration: Int
  }

  struct Part {
    let index, count: Int
  }

  private struct Shared {
    /// Addresses of the memory handed out.
    var blocks: [UInt] = []
    var views: [SharedPixels.View] = []
    /// How many blocks there were when each open scope began.
    var scopes: [Int] = []
    var failure: Failure?
    var facts: [String: String] = [:]
  }
  private let shared = Mutex(Shared())

  init(
    _ session: TaskSession, part: Part, settings: RunSettings, _ console: Console
  ) {
    task = session.plugin.name
    (classifier, threads) = (session.classifier, session.threads)
    (prepared, opened) = (session.prepared, session.opened)
    (self.part, self.console) = (part, console)
    seed = settings.seed + UInt64(part.index)
    isVerbose = settings.isVerbose
    wantsJSON = settings.wantsJSON
    bitDepth = settings.bitDepth
    keptBits = settings.keptBits
    recorder = settings.wantsRecording ? Recorder() : nil
    liveView = LiveView(console)
  }

  deinit {
    shared.withLock { shared in
      for block in shared.blocks { free(UnsafeMutableRawPointer(bitPattern: block)) }
      for view in shared.views { view.end() }
    }
  }

  /// The colours of a user's image that stays open, for this run; nil: they have to be read.
  func sharedPixels(of image: SourceImage) throws -> UnsafeMutablePointer<Float>? {
    guard let view = try opened?.pixels(of: image)?.view() else { return nil }
    shared.withLock { $0.views.append(view) }
    return view.pixels
  }

  /// Zeroed memory, to be freed; nil when there is none left.
  static func zeroedMemory(_ bytes: Int) -> UnsafeMutableRawPointer? {
    var block: UnsafeMutableRawPointer?
    guard (0...physicalMemory).contains(bytes), AvailableMemory.allows(bytes),
      posix_memalign(&block, 64, max(bytes, 1)) == 0, let block
    else { return nil }
    clear(block, bytes)
    return block
  }

  /// Zeroes memory that is not used yet. Where it is large the system has just mapped it: to give its pages back leaves them
  /// zero, and none of them is touched before it is used.
  private static func clear(_ block: UnsafeMutableRawPointer, _ bytes: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (Int(bitPattern: block) + page - 1) / page * page - Int(bitPattern: block)
    let end = (Int(bitPattern: block) + bytes) / page * page - Int(bitPattern: block)
    guard bytes >= mappedAnew, madvise(block + start, end - start, MADV_DONTNEED) == 0 else {
      memset(block, 0, bytes)
      return
    }
    memset(block, 0, start)
    memset(block + end, 0, bytes - end)
  }

  /// The C library takes blocks of so many bytes from the system, however many were freed.
  private static let mappedAnew = 32 << 20

  /// Zeroed memory that lives as long as the run; nil when there is none left.
  func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
    guard let block = Self.zeroedMemory(bytes) else { return nil }
    let address = UInt(bitPattern: block)
    shared.withLock { $0.blocks.append(address) }
    return block
  }

  func beginScope() { shared.withLock { $0.scopes.append($0.blocks.count) } }

  /// Frees what was handed out since the last scope began.
  func endScope() throws {
    let ended: ArraySlice<UInt>? = shared.withLock {
      guard let first = $0.scopes.popLast() else { return nil }
      let ended = $0.blocks[first...]
      $0.blocks.removeSubrange(first...)
      return ended
    }
    guard let ended else { throw Failure.misuse("a scope was ended that was not begun") }
    for block in ended {
      if let pixels = UnsafeMutablePointer<Float>(bitPattern: block) { sources[pixels] = nil }
      free(UnsafeMutableRawPointer(bitPattern: block))
    }
  }

  /// What a function that is marked [run-thread] comes to: another thread may not call it.
  func statusOnRunThread(_ function: String = #function, _ body: () throws -> Void) -> Int32 {
    status {
      guard pthread_equal(pthread_self(), thread) != 0 else {
        throw Failure.misuse("a function that is for the run thread alone was called on another thread")
      }
      try body()
    }
  }

  /// More than this would be granted by some systems, and end the program when it is touched.
  private static let physicalMemory = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Throws where two images of so many floats do not fit into memory: one to make, and one to hand out.
  func checkMemory(for floats: Int) throws {
    let (bytes, overflow) = floats.multipliedReportingOverflow(by: 2 * MemoryLayout<Float>.stride)
    if overflow || bytes > Self.physicalMemory || !AvailableMemory.allows(bytes) {
      throw Failure.noMemory()
    }
  }

  func allocate<Element: BitwiseCopyable>(_ type: Element.Type, _ count: Int) throws
    -> UnsafeMutablePointer<Element>
  {
    guard let block = allocate(count * MemoryLayout<Element>.stride) else {
      throw Failure.noMemory()
    }
    return block.bindMemory(to: type, capacity: count)
  }

  func copy<Element: BitwiseCopyable>(_ elements: [Element]) throws -> UnsafeMutablePointer<Element> {
    let copy = try allocate(Element.self, elements.count)
    copy.update(from: elements, count: elements.count)
    return copy
  }

  func copy(_ text: String) throws -> UnsafePointer<CChar> {
    UnsafePointer(try copy(text.utf8.map { CChar(bitPattern: $0) } + [0]))
  }

  /// Keeps the first failure, which is the cause of later ones.
  func fail(_ failure: Failure) { shared.withLock { $0.failure = $0.failure ?? failure } }

  var failure: Failure? { shared.withLock { $0.failure } }

  func record(_ key: String, _ text: String) { shared.withLock { $0.facts[key] = text } }

  /// What the task found out, and whether it was ended early.
  var facts: [String: String] {
    var facts = shared.withLock { $0.facts }
    if isEndedEarly { facts[Provenance.Step.earlyEnd.key] = Provenance.Step.earlyEnd.value }
    return facts
  }

  /// Notes that an ascent was ended before its last step.
  func noteEarlyEnd() { isEndedEarly = true }

  func emit(_ emission: Emission) { emitted.append(emission) }

  /// Notes a step for those who want to see how the ascents went, or how they go.
  /// - Parameter image: of 3 channels; asked for only where it is wanted.
  func noteStep(
    _ step: Int, loss: Double, probability: Double?, at place: Iterate.Place?, image: () -> FloatImage
  ) {
    recorder?.record(step: step, loss: loss, probability: probability, image: image)
    liveView?.step(step, loss: loss, probability: probability, at: place, image: image)
  }

  /// Notes what came of an ascent.
  func noteEnd(at place: Iterate.Place?, image: () -> FloatImage) {
    if recorder == nil, liveView == nil { return }
    let image = image()
    recorder?.finish(with: image)
    liveView?.end(with: image, at: place)
  }

  func emit(text more: String) { printed += more }

  func emit(json: String) { self.json = json }

  /// One of many results, written at once; with --json a line.
  func emit(part text: String) throws {
    hasParts = true
    guard wantsJSON else { return try write(part: text) }
    guard let json = try Report.checked(text, task: task) else {
      throw Failure.misuse("no JSON was handed over")
    }
    try emit(line: "{\"result\":\(Report.onOneLine(json))}")
  }

  func emit(line: String) throws { try write(part: line + "\n") }

  /// While the task is watched nothing else may be seen on standard output.
  private func write(part: String) throws {
    if Watch.isOn { heldParts += part } else { try console.print(part) }
  }
}
