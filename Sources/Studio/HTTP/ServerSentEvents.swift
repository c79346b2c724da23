import FlyingFox
import FlyingSocks
import Foundation

/// What a listener is told, as server-sent events; a comment where it is told nothing but that the server is there, so that
/// one that has gone is noticed.
struct ServerSentEvents: AsyncBufferedSequence {
  typealias Element = UInt8
  private let listener: EventHub.Listener

  init(_ listener: EventHub.Listener) { self.listener = listener }

  func makeAsyncIterator() -> Iterator { Iterator(listener) }

  struct Iterator: AsyncBufferedIteratorProtocol {
    private let listener: EventHub.Listener
    private var lines: AsyncStream<Data>.Iterator
    private var rest = Data(": begin\n\n".utf8)

    fileprivate init(_ listener: EventHub.Listener) {
      self.listener = listener
      lines = listener.lines.makeAsyncIterator()
    }

    mutating func next() async -> UInt8? {
      if rest.isEmpty { rest = await event() ?? Data() }
      return rest.popFirst()
    }

    /// All that one event has, however little was asked for.
    mutating func nextBuffer(suggested count: Int) async -> Data? {
      if rest.isEmpty { return await event() }
      defer { rest = Data() }
      return rest
    }

    private mutating func event() async -> Data? {
      guard let line = await lines.next() else { return nil }
      listener.take()
      return line.isEmpty ? Data(": on\n\n".utf8) : Data("data: ".utf8) + line + Data("\n\n".utf8)
    }
  }
}
