import FlyingFox
import Foundation

/// Who is let in: the person who has the address that was printed at the start, and nobody else's page.
///
/// - A first visit brings the token in the address and gets a cookie for it, which scripts cannot read and other sites'
///   requests do not carry.
/// - The Host header has to be this machine's own name, so that no other name can be made to point here.
/// - What changes something needs a header that other sites' pages cannot set, and an Origin, where the browser names one, that
///   is this page's own.
package struct Gate: Sendable {
  let token: String
  let port: Int

  package init(token: String, port: Int) { (self.token, self.port) = (token, port) }

  static let cookie = "rtool"
  static let header = "X-Rtool"

  private var names: [String] { ["127.0.0.1:\(port)", "localhost:\(port)"] }

  /// - Returns: what a first visit is answered with; nil: the request may go on.
  /// - Throws: `StudioError`
  package func admit(_ request: HTTPRequest) throws -> Reply? {
    guard let host = request.headers[.host], names.contains(host) else {
      throw StudioError(.forbidden, "this server is asked for by 127.0.0.1 alone")
    }
    if let origin = request.headers[HTTPHeader("Origin")],
      !names.contains(where: { origin == "http://\($0)" })
    {
      throw StudioError(.forbidden, "requests of other pages are not answered")
    }
    if let site = request.headers[HTTPHeader("Sec-Fetch-Site")], site == "cross-site", request.method != .GET
    {
      throw StudioError(.forbidden, "requests of other pages are not answered")
    }
    if request.method == .GET, request.path == "/",
      let given = request.query.first(where: { $0.name == "token" })
    {
      guard Self.areSame(given.value, token) else {
        throw StudioError(
          .unauthorised, "this address is of an earlier start; open the one that rtool printed last")
      }
      var reply = Reply(status: 303, type: "text/plain", body: .data(Data()))
      reply.headers["Location"] = "/"
      reply.headers["Set-Cookie"] = "\(Self.cookie)-\(port)=\(token); HttpOnly; SameSite=Strict; Path=/"
      return reply
    }
    guard cookies(of: request).contains(where: { Self.areSame($0, token) }) else {
      throw StudioError(.unauthorised, "open the address that rtool printed at its start")
    }
    if request.method != .GET, request.method != .HEAD {
      guard request.headers[HTTPHeader(Self.header)] != nil else {
        throw StudioError(.forbidden, "what changes something needs the header \(Self.header)")
      }
    }
    return nil
  }

  private func cookies(of request: HTTPRequest) -> [String] {
    request.headers.values(for: HTTPHeader("Cookie")).flatMap { $0.split(separator: ";") }.compactMap {
      pair in
      let parts = pair.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      // Cookies of one machine's ports are mixed.
      return parts.count == 2 && parts[0] == "\(Self.cookie)-\(port)" ? parts[1] : nil
    }
  }

  /// Takes as long wherever they differ.
  package static func areSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// 256 random bits.
  package static func newToken() -> String {
    (0..<4).map { _ in
      let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
