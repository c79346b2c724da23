import FlyingFox

/// Finds what answers a path: words, with `:name` for one word that is handed over.
package struct Routes: Sendable {
  package typealias Handler = @Sendable (HTTPRequest, [String]) async throws -> Reply

  private struct Route: Sendable {
    let method: HTTPMethod
    let words: [Substring]
    let handler: Handler
  }

  private var routes: [Route] = []

  package init() {}

  package mutating func add(_ method: HTTPMethod, _ path: String, _ handler: @escaping Handler) {
    routes.append(Route(method: method, words: path.split(separator: "/"), handler: handler))
  }

  /// The words of a path. One that cannot be decoded is empty.
  static func words(of request: HTTPRequest) -> [String] {
    request.path.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
  }

  /// - Throws: `StudioError` where nothing is there, and what the handler throws.
  package func reply(to request: HTTPRequest) async throws -> Reply {
    let words = Self.words(of: request)
    var otherMethod = false
    for route in routes where route.words.count == words.count {
      var values: [String] = []
      let matches = zip(route.words, words).allSatisfy { pattern, word in
        if pattern.hasPrefix(":") {
          values.append(word)
          return !word.isEmpty
        }
        return pattern == word
      }
      guard matches else { continue }
      if route.method == request.method { return try await route.handler(request, values) }
      otherMethod = true
    }
    throw StudioError(.notFound, otherMethod ? "this cannot be done here" : "there is nothing here")
  }
}
