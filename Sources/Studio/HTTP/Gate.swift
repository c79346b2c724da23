import FlyingFox
import Foundation
import Synchronization

/// Who is let in: the person who has the address that was printed at the start, and nobody else's page.
///
/// - A first visit brings the token in the address and gets a cookie for it, which scripts cannot read and other sites'
///   requests do not carry. It is a cookie of a name that is this server's own, NAME.localhost, since browsers send a
///   machine's cookies to all of its ports, whoever listens there. A browser that is started for the page gets a ticket
///   instead, which is void once used: the arguments of programs can be read by others.
/// - The Host header has to be this machine's own name, so that no other name can be made to point here.
/// - What changes something needs a header that other sites' pages cannot set, and an Origin, where the browser names one, that
///   is this page's own.
package struct Gate: Sendable {
  let token: String
  let port: Int
  /// This server's own, before `.localhost`; nil: it has none.
  let name: String?
  package let ticket = Ticket()

  package init(token: String, port: Int, name: String? = nil) {
    (self.token, self.port, self.name) = (token, port, name)
  }

  /// Good for one visit.
  package final class Ticket: Sendable {
    private let text = Mutex<String?>(nil)

    package func issue() -> String {
      let new = Gate.newToken()
      text.withLock { $0 = new }
      return new
    }

    func isGood(_ given: String) -> Bool { text.withLock { $0.map { Gate.areSame(given, $0) } ?? false } }
    func use() { text.withLock { $0 = nil } }
  }

  /// Where the page is.
  func address(token: String) -> String { "http://\(ownHost)/?token=\(token)" }

  private var ownHost: String { hosts(name.map { "\($0).localhost" } ?? "127.0.0.1")[0] }

  /// As browsers name the host: the usual port goes without saying.
  private func hosts(_ name: String) -> [String] { ["\(name):\(port)"] + (port == 80 ? [name] : []) }

  static let cookie = "rtool"
  static let header = "X-Rtool"

  private var names: [String] {
    (["127.0.0.1", "localhost"] + (name.map { ["\($0).localhost"] } ?? [])).flatMap(hosts)
  }

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
      guard Self.areSame(given.value, token) || ticket.isGood(given.value) else {
        throw StudioError(
          .unauthorised, "this address is of an earlier start; open the one that rtool printed last")
      }
      var reply = Reply(status: 303, type: "text/plain", body: .data(Data()))
      if let name, !host.hasPrefix("\(name).") {
        reply.headers["Location"] = address(token: given.value)
        return reply
      }
      ticket.use()
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
