import Foundation
import Synchronization
import WorkerProtocol

/// What a page is told of a run while it goes on.
struct RunEvent: Encodable, Sendable {
  var run: String?
  var document: String?
  var kind: String
  var place: PlaceOrQueue?
  var fraction: Double?
  var note: String?
  var secondsLeft: Double?
  var step: StepOrNumber?
  var loss: Double?
  var probability: Double?
  var image: String?
  var text: String?
  var error: String?

  init(_ kind: String) { self.kind = kind }

  /// A rectangle, or a place in the queue.
  enum PlaceOrQueue: Encodable, Sendable {
    case rectangle(PixelRectangle)
    case queue(Int)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .rectangle(let place): try container.encode([place.x, place.y, place.width, place.height])
      case .queue(let number): try container.encode(number)
      }
    }
  }

  /// A step of the document, or the number of a step of an ascent.
  enum StepOrNumber: Encodable, Sendable {
    case step(StepView)
    case number(Int)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .step(let step): try container.encode(step)
      case .number(let number): try container.encode(number)
      }
    }
  }
}

/// Hands events to all pages that listen. One that does not keep up loses frames, points and progress, but not the end of a
/// run.
package final class EventHub: Sendable {
  /// A page that listens.
  package final class Listener: Sendable {
    /// Lines of JSON.
    let lines: AsyncStream<Data>
    private let continuation: AsyncStream<Data>.Continuation
    /// Lines that were not yet taken.
    private let pending = Atomic<Int>(0)
    private static let mostPending = 128

    fileprivate init() { (lines, continuation) = AsyncStream.makeStream(of: Data.self) }

    fileprivate func send(_ line: Data, canBeLost: Bool) {
      if canBeLost, pending.load(ordering: .relaxed) >= Self.mostPending { return }
      pending.add(1, ordering: .relaxed)
      continuation.yield(line)
    }

    /// To be called for each line that is taken.
    func take() { pending.subtract(1, ordering: .relaxed) }

    fileprivate func onEnd(_ body: @escaping @Sendable () -> Void) {
      continuation.onTermination = { _ in body() }
    }
  }

  private let listeners = Mutex<[ObjectIdentifier: Listener]>([:])
  private static let canBeLost: Set = ["frame", "point", "progress"]

  init() {
    Task { [weak self] in
      while true {
        try await Task.sleep(for: .seconds(10))
        guard let self else { return }
        for listener in listeners.withLock({ Array($0.values) }) { listener.send(Data(), canBeLost: true) }
      }
    }
  }

  /// Events from now on.
  func listen() -> Listener {
    let listener = Listener()
    let id = ObjectIdentifier(listener)
    listener.onEnd { [weak self] in _ = self?.listeners.withLock { $0.removeValue(forKey: id) } }
    listeners.withLock { $0[id] = listener }
    return listener
  }

  func send(_ event: RunEvent) {
    let all = listeners.withLock { Array($0.values) }
    guard !all.isEmpty, let line = try? JSONEncoder().encode(event) else { return }
    for listener in all { listener.send(line, canBeLost: Self.canBeLost.contains(event.kind)) }
  }
}
