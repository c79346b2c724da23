import FoundationEssentials
import Glibc
import Imaging
import Synchronization
import WorkerProtocol

/// Does the runs that a worker is asked for. The sessions of the last tasks are kept, with their models.
final class WorkerTasks {
  private struct Key: Hashable {
    let task, model, info, precision: String
    let threads: Int
  }

  private static let mostSessions = 4
  private var sessions = RecentlyUsed<Key, TaskSession>()
  private var plugins: [String: Plugin] = [:]
  private let opened = OpenImages()
  private var reduced: ReducedImages?

  /// Opens an image that may soon be worked on.
  func open(_ file: String) throws { _ = try opened.open(file, limits: Limits(), frame: 0) }

  func perform(_ run: WorkerRequest.TaskRun) throws -> TaskResult {
    guard chdir(run.folder) == 0 else {
      throw Failure.failed("the folder \(run.folder) cannot be entered: \(String(cString: strerror(errno)))")
    }
    let begin = monotonicSeconds()
    guard let name = run.arguments.first else { throw Failure.usage("no task is named") }
    let plugin = try plugins[name] ?? Program.task(name)
    plugins[name] = plugin
    var parsed = try ParsedArguments(
      Array(run.arguments.dropFirst()), parameters: plugin.parameters + plugin.hostOptions)
    guard parsed.request == nil else { throw Failure.usage("--help and --version are for terminals") }
    var factor = 1.0
    if let side = run.longestSide {
      let copies = try reduced ?? ReducedImages(opened)
      reduced = copies
      factor = try copies.replace(in: &parsed, of: plugin, longestSide: side)
    }
    let job = try TaskJob(plugin, parsed)
    let session = try session(for: job)
    let report = try job.run(in: session, console(of: job, isWatched: run.isWatched, factor: factor))
    if report.hasSkipped { throw Failure.told }
    if job.settings.wantsJSON { WorkerCommand.say(.text(report.json + "\n")) }
    return TaskResult(
      outputs: report.entries.flatMap(\.outputs), seconds: monotonicSeconds() - begin,
      isExact: !Finish.isRequested)
  }

  private func session(for job: TaskJob) throws -> TaskSession {
    let settings = job.settings
    let key = Key(
      task: job.plugin.name, model: settings.model ?? "", info: settings.modelInfo ?? "",
      precision: settings.precision.rawValue, threads: settings.threads)
    if let session = sessions.value(key) {
      try session.configure(settings)
      return session
    }
    let session = try TaskSession(job.plugin, settings, opened: opened)
    sessions.keep(session, for: key)
    if sessions.entries.count > Self.mostSessions { sessions.dropOldest() }
    return session
  }

  /// - Parameter factor: the sides of the first image as the task sees it to the image's.
  private func console(of job: TaskJob, isWatched: Bool, factor: Double) -> Console {
    var console = Console(task: job.plugin.name, isQuiet: job.settings.isQuiet)
    console.print = { WorkerCommand.say(.text($0)) }
    console.hear = { WorkerCommand.say(.warning($0)) }
    console.isFinishing = { Finish.isRequested }
    let pace = Pace(perSecond: 20)
    console.show = { fraction, note in
      if pace.isDue(orLast: fraction >= 1) {
        WorkerCommand.say(.progress(fraction: fraction, note: note))
      }
    }
    guard isWatched else { return console }
    console.watch = { iterate in
      guard let file = try? iterate.image.jpeg() else { return }
      WorkerCommand.say(
        .frame(
          jpeg: Data(file).base64EncodedString(),
          place: iterate.place.map { PixelRectangle($0, enlarged: 1 / factor) },
          step: iterate.step))
    }
    console.follow = { point in
      WorkerCommand.say(.point(step: point.step, loss: point.loss, probability: point.probability))
    }
    return console
  }
}

extension PixelRectangle {
  fileprivate init(_ place: Iterate.Place, enlarged factor: Double) {
    func scaled(_ number: Int) -> Int { Int((Double(number) * factor).rounded()) }
    self.init(
      x: scaled(place.x), y: scaled(place.y), width: scaled(place.width), height: scaled(place.height))
  }
}

/// Lets a few of many through.
final class Pace: Sendable {
  private let seconds: Double
  private let last = Mutex(-Double.infinity)

  init(perSecond rate: Double) { seconds = 1 / rate }

  /// Whether the time has come for another, or this is the last.
  func isDue(orLast isLast: Bool = false) -> Bool {
    let now = monotonicSeconds()
    return last.withLock { last in
      guard isLast || now - last >= seconds else { return false }
      last = now
      return true
    }
  }
}
