import Synchronization

/// What a job says: to people on standard error, to programs on standard output, and how far it is.
package struct Console: Sendable {
  let task: String
  let isQuiet: Bool
  /// Which of several inputs it is about; nil: there is one alone.
  var subject: String?
  /// What the jobs of a batch have said, so that it is said once.
  var told: Told?
  /// Takes what is for programs.
  var print: @Sendable (String) throws -> Void = { try Terminal.print($0) }
  /// Takes what a user should know of a result; nil: standard error does.
  var hear: (@Sendable (String) -> Void)?
  /// Takes how much is done, in 0...1, and what is being done.
  var show: @Sendable (Double, String?) -> Void = { ProgressBar.shared.show($0, $1) }
  /// Takes pictures of how far it is, on the thread that the task runs on; nil: nobody watches, and none are made.
  package var watch: (@Sendable (Iterate) -> Void)?
  /// Takes the loss of every step, on the same thread; nil: nobody follows it.
  package var follow: (@Sendable (CoursePoint) -> Void)?

  /// Whether the task is to stop at its next step, and nothing will be made.
  package var isInterrupted: @Sendable () -> Bool = { Interrupt.isRequested }
  /// Whether ascents are to end where they are, and what there is to be made of that. Once true it stays so.
  package var isFinishing: @Sendable () -> Bool = { false }

  package init(task: String, isQuiet: Bool, told: Told? = nil) {
    (self.task, self.isQuiet, self.told) = (task, isQuiet, told)
  }

  package final class Told: Sendable {
    private let texts = Mutex<Set<String>>([])
    func isNew(_ text: String) -> Bool { texts.withLock { $0.insert(text).inserted } }
  }

  /// A line from the task.
  func say(_ text: String) {
    if let hear { return hear(about(text)) }
    Terminal.say("rtool \(task): \(about(text))")
  }

  /// A remark, which is no failure.
  func note(_ text: String) { if !isQuiet { say(text) } }

  /// Something that a user should know of a result, unless nothing but errors is wanted.
  func warn(_ text: String) { if !isQuiet { insist(text) } }

  /// The same, whatever is wanted.
  func insist(_ text: String) {
    guard told?.isNew(text) != false else { return }
    if let hear { return hear(about(text)) }
    Terminal.warn(about(text))
  }

  private func about(_ text: String) -> String {
    guard let subject, !text.contains(subject) else { return text }
    return "\(subject): \(text)"
  }
}
