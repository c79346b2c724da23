import FlyingFox
import Foundation

/// What a request is answered with.
package struct Reply: Sendable {
  package var status: Int
  package var type: String
  package var body: Body
  package var headers: [String: String] = [:]

  package enum Body: Sendable {
    case data(Data)
    /// A file, which is read as it is sent.
    case file(String)
    /// Server-sent events.
    case events(EventHub.Listener)
    /// A file that is open and needs no name any more.
    case sent(SentFile)
  }

  static func json(_ value: some Encodable, status: Int = 200) throws -> Reply {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Reply(status: status, type: "application/json", body: .data(try encoder.encode(value)))
  }

  static func data(_ data: Data, type: String) -> Reply { Reply(status: 200, type: type, body: .data(data)) }

  package static func text(_ text: String, type: String = "text/plain; charset=utf-8", status: Int = 200)
    -> Reply
  {
    Reply(status: status, type: type, body: .data(Data(text.utf8)))
  }

  /// What never changes under its address.
  var cached: Reply {
    var reply = self
    reply.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return reply
  }

  private struct Fault: Encodable { let error: String }

  package static func failure(_ error: any Error) -> Reply {
    let failure =
      error as? StudioError
      ?? StudioError(
        .failed, error is CancellationError ? "it was stopped" : "something went wrong: \(error)")
    return (try? json(Fault(error: failure.text), status: failure.status))
      ?? text(failure.text, status: failure.status)
  }

  /// - Parameter toHead: whether the body is left out.
  func response(toHead isHead: Bool = false) throws -> HTTPResponse {
    var headers = HTTPHeaders()
    for (name, value) in Self.always.merging(self.headers, uniquingKeysWith: { $1 }) {
      headers[HTTPHeader(name)] = value
    }
    headers[.contentType] = type
    let status = HTTPStatusCode(self.status, phrase: Self.phrases[self.status] ?? "Status")
    if isHead { return HTTPResponse(statusCode: status, headers: headers, body: Data()) }
    switch body {
    case .data(let data): return HTTPResponse(statusCode: status, headers: headers, body: data)
    case .file(let path):
      return HTTPResponse(
        statusCode: status, headers: headers, body: try HTTPBodySequence(file: URL(fileURLWithPath: path)))
    case .events(let listener):
      headers[HTTPHeader("X-Accel-Buffering")] = "no"
      return HTTPResponse(
        statusCode: status, headers: headers, body: HTTPBodySequence(from: ServerSentEvents(listener)))
    case .sent(let file):
      return HTTPResponse(
        statusCode: status, headers: headers,
        body: HTTPBodySequence(from: file, count: file.count, suggestedBufferSize: 1 << 16))
    }
  }

  /// What holds for all that is served: nothing is taken from elsewhere, shown elsewhere, or guessed.
  private static let always = [
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
      + "form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
  ]

  private static let phrases = [
    200: "OK", 202: "Accepted", 204: "No Content", 303: "See Other", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
    415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests",
    499: "Client Closed Request",
    500: "Internal Server Error",
    503: "Service Unavailable", 504: "Gateway Timeout", 507: "Insufficient Storage",
  ]
}

extension StudioError {
  /// As HTTP numbers it.
  var status: Int {
    switch kind {
    case .badRequest: 400
    case .unauthorised: 401
    case .forbidden: 403
    case .notFound: 404
    case .badMethod: 405
    case .conflict: 409
    case .tooLarge: 413
    case .unsupported: 415
    case .failed: 422
    case .busy: 429
    case .broken: 500
    case .unavailable: 503
    case .tooLate: 504
    case .diskFull: 507
    }
  }
}
