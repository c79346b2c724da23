import FlyingFox
import Foundation

/// Who is let in: programs that send the token (RFC 6750). Browsers send it for no page of others, as they do with cookies,
/// so that neither Host nor Origin has to be looked at, and a proxy may have any name.
package struct BearerGate: Sendable {
  let token: String

  package init(token: String) { self.token = token }

  /// - Throws: `StudioError`
  package func admit(_ request: HTTPRequest) throws {
    let words = (request.headers[.authorization] ?? "").split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "bearer", Gate.areSame(String(words[1]), token) else {
      throw StudioError(
        .unauthorised, "the request needs the header Authorization: Bearer with the server's token")
    }
  }
}
