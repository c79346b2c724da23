import FlyingFox
import FlyingSocks
import Foundation

/// Lines of JSON as server-sent events. A comment goes out where nothing else has for a while, so that a listener that has
/// gone is noticed.
struct ServerSentEvents: AsyncBufferedSequence {
  typealias Element = UInt8
  private let chunks: AsyncStream<Data>

  init(_ lines: AsyncStream<Data>) {
    let (chunks, continuation) = AsyncStream.makeStream(of: Data.self)
    continuation.yield(Data(": begin\n\n".utf8))
    let forwarding = Task {
      for await line in lines { continuation.yield(Data("data: ".utf8) + line + Data("\n\n".utf8)) }
      continuation.finish()
    }
    let beating = Task {
      while !Task.isCancelled {
        try await Task.sleep(for: .seconds(10))
        continuation.yield(Data(": on\n\n".utf8))
      }
    }
    continuation.onTermination = { _ in
      forwarding.cancel()
      beating.cancel()
    }
    self.chunks = chunks
  }

  func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks.makeAsyncIterator()) }

  struct Iterator: AsyncBufferedIteratorProtocol {
    fileprivate var chunks: AsyncStream<Data>.Iterator
    private var rest = Data()

    fileprivate init(chunks: AsyncStream<Data>.Iterator) { self.chunks = chunks }

    mutating func next() async -> UInt8? {
      if rest.isEmpty { rest = await chunks.next() ?? Data() }
      return rest.popFirst()
    }

    /// All that one event has, however little was asked for.
    mutating func nextBuffer(suggested count: Int) async -> Data? {
      if !rest.isEmpty {
        defer { rest = Data() }
        return rest
      }
      return await chunks.next()
    }
  }
}
