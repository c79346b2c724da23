import FoundationEssentials
import Glibc
import Imaging
import WorkerProtocol

/// `rtool --work`: a process that does what it is asked for, one thing after the other, with plugins and models that stay
/// loaded. Servers keep some of them: what a plugin does wrong ends a worker alone.
enum WorkerCommand {
  /// The word that asks this program to be one. No task can have it as its name.
  static let word = "--work"

  private struct State {
    var waiting: [WorkerRequest] = []
    var isWorking = false
    var hasEnded = false
  }

  /// Answers requests until there are no more.
  static func run() throws {
    Destination.isOfWorker.store(true, ordering: .relaxed)
    let state = Monitor(State())
    try JobThread.start { read(into: state) }
    let tasks = WorkerTasks()
    let images = WorkerImages()
    while true {
      let next = state.wait { state -> WorkerRequest?? in
        if !state.waiting.isEmpty {
          state.isWorking = true
          return .some(state.waiting.removeFirst())
        }
        return state.hasEnded ? .some(nil) : nil
      }
      guard let request = next else { return }
      say(answer(request, tasks, images))
      state.change { $0.isWorking = false }
      Interrupt.withdraw()
      Finish.withdraw()
    }
  }

  /// Says one line, all of it before the next.
  static func say(_ event: WorkerEvent) {
    // Where nobody listens any more, nothing is left to be done.
    guard (try? Terminal.print(encodedJSON(event) + "\n")) != nil else { _exit(1) }
  }

  private static func answer(_ request: WorkerRequest, _ tasks: WorkerTasks, _ images: WorkerImages)
    -> WorkerEvent
  {
    do {
      switch request {
      case .tasks: return .tasks(PluginSearch.all().map(TaskDescription.init))
      case .models: return .models(WorkerModels.all())
      case .features: return .names(try WorkerModels.features())
      case .open(let file):
        try tasks.open(file)
        return .done(TaskResult(outputs: []))
      case .run(let run): return .done(try tasks.perform(run))
      case .view(let view):
        let image = try images.part(view)
        return .image(base64: Data(image.bytes).base64EncodedString(), type: image.format.mediaType)
      case .inspect(let file): return .facts(try images.facts(of: file))
      case .convert(let file, let output, let quality):
        return .done(try images.convert(file, to: output, quality: quality))
      case .mask(let part): return .done(try images.makeMask(part))
      case .stop, .finish: return .failed(TaskFault(.failed, "nothing is being done"))
      }
    } catch {
      let failure = Failure(error)
      let kind: TaskFault.Kind =
        switch failure.kind {
        case .usage: .usage
        case .interrupted: .interrupted
        case .told: .told
        case .diskFull: .diskFull
        case .noMemory: .noMemory
        case .misuse: .misuse
        default: .failed
        }
      let text = failure.description
      return .failed(TaskFault(kind, text.isEmpty ? "the warnings say why" : text))
    }
  }

  private static func read(into state: Monitor<State>) {
    readLines { line in
      guard let request = try? JSONDecoder().decode(WorkerRequest.self, from: line) else {
        return say(.failed(TaskFault(.failed, "this request is not understood")))
      }
      state.change { state in
        switch request {
        case .stop: if state.isWorking { Interrupt.request() }
        case .finish: if state.isWorking { Finish.request() }
        default: state.waiting.append(request)
        }
      }
    }
    // Whoever asked is gone, and nobody wants what is being made.
    if state.change({ state in
      state.hasEnded = true
      return state.isWorking
    }) {
      Imaging.removePendingOutput()
      _exit(1)
    }
  }

  /// Calls `take` with each line of standard input. The C library's stream of it is left alone: whoever waits in that keeps
  /// all from flushing their streams.
  private static func readLines(_ take: (Data) -> Void) {
    var lines = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return }
      lines.feed(buffer[..<count]) { take(Data($0)) }
    }
  }
}

extension Format {
  /// As HTTP names it.
  fileprivate var mediaType: String { "image/\(rawValue)" }
}
