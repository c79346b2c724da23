import Synchronization

/// Asks a task to end its ascents where they are, and to make its result of what there is.
enum Finish {
  private static let requests = Atomic<Bool>(false)

  static var isRequested: Bool { requests.load(ordering: .relaxed) }

  static func request() { requests.store(true, ordering: .relaxed) }

  /// The task is done, and another may begin.
  static func withdraw() { requests.store(false, ordering: .relaxed) }
}
