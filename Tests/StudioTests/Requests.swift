import FlyingFox
import Foundation
import Studio

/// A request as it would arrive.
func request(
  _ method: HTTPMethod = .GET, _ path: String, headers: [String: String] = [:], query: [String: String] = [:]
) -> HTTPRequest {
  HTTPRequest(
    method: method, version: .http11, path: path, query: query.map { .init(name: $0.key, value: $0.value) },
    headers: Dictionary(uniqueKeysWithValues: headers.map { (HTTPHeader($0.key), $0.value) }), body: Data())
}

/// What a failure is answered with; nil: it was none.
func status<Result>(_ body: () throws -> Result) -> Int? {
  do {
    _ = try body()
    return nil
  } catch { return Reply.failure(error).status }
}
