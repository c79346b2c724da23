import FlyingFox
import Foundation
import Synchronization

/// Reads the body of one request, once. What is left of it when the answer is there has to go before the next request of the
/// same connection can be told from it.
final class BodyReader: @unchecked Sendable {
  /// Bytes that were handed out.
  let delivered = Atomic<Int>(0)
  /// nil: it comes in chunks, and nobody knows how many.
  let length: Int?
  private var iterator: HTTPBodySequence.Iterator
  private let begin: @Sendable () -> Void
  private var hasBegun = false
  private(set) var isAtEnd: Bool

  /// - Parameter begin: is called before the first byte is waited for.
  init(_ request: HTTPRequest, begin: @escaping @Sendable () -> Void = {}) {
    let isChunked = request.headers[.transferEncoding] != nil
    length = isChunked ? nil : request.headers[.contentLength].flatMap { Int($0) } ?? 0
    iterator = request.bodySequence.makeAsyncIterator()
    isAtEnd = length == 0
    self.begin = begin
  }

  /// The next bytes; nil: there are no more. One caller at a time.
  /// - Throws: `StudioError` where the request ends before its body does.
  func next() async throws -> Data? {
    if isAtEnd { return nil }
    if !hasBegun {
      hasBegun = true
      begin()
    }
    let data: Data?
    do {
      data = try await iterator.next()
    } catch {
      throw StudioError(.badRequest, "the request ended before its body did")
    }
    guard let data, !data.isEmpty else {
      isAtEnd = true
      return nil
    }
    let total = delivered.add(data.count, ordering: .relaxed).newValue
    if let length, total >= length { isAtEnd = true }
    return data
  }

  /// Reads what is left, for a while.
  /// - Returns: whether nothing is left.
  func drain(upTo most: Int, seconds: Double) async -> Bool {
    if isAtEnd { return true }
    if let length, length - delivered.load(ordering: .relaxed) > most { return false }
    let begin = monotonicNow()
    let from = delivered.load(ordering: .relaxed)
    while delivered.load(ordering: .relaxed) - from <= most, monotonicNow() - begin < seconds {
      guard let next = try? await next() else { return isAtEnd }
      _ = next
    }
    return isAtEnd
  }
}

/// Seconds of a clock that is never set.
func monotonicNow() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
