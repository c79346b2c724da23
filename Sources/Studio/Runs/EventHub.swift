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

/// Hands events to all pages that listen. One that does not keep up loses frames and points, and no end of a run.
final class EventHub: Sendable {
  private struct Listener {
    let continuation: AsyncStream<Data>.Continuation
    var pending: @Sendable () -> Int
  }

  private let listeners = Mutex<[UUID: AsyncStream<Data>.Continuation]>([:])
  private static let mostPending = 256

  /// Events from now on, each a line of JSON.
  func events() -> AsyncStream<Data> {
    let id = UUID()
    let (stream, continuation) = AsyncStream.makeStream(
      of: Data.self, bufferingPolicy: .bufferingNewest(Self.mostPending))
    listeners.withLock { $0[id] = continuation }
    continuation.onTermination = { [weak self] _ in
      _ = self?.listeners.withLock { $0.removeValue(forKey: id) }
    }
    return stream
  }

  func send(_ event: RunEvent) {
    let all = listeners.withLock { Array($0.values) }
    guard !all.isEmpty, let data = try? JSONEncoder().encode(event) else { return }
    for listener in all { listener.yield(data) }
  }

  /// Ends all streams.
  func close() { for listener in listeners.withLock({ Array($0.values) }) { listener.finish() } }
}
