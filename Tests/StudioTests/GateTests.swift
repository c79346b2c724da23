import FlyingFox
import Studio
import Testing

/// Who is let in.
@Suite struct GateTests {
  private let gate = Gate(token: "0123456789abcdef", port: 8000)
  private let own = ["Host": "127.0.0.1:8000", "Cookie": "other=1; rtool-8000=0123456789abcdef"]

  private func status(_ method: HTTPMethod, _ headers: [String: String], path: String = "/api/studio") -> Int?
  {
    StudioTests.status { try gate.admit(request(method, path, headers: headers)) }
  }

  private func with(_ headers: [String: String]) -> [String: String] { own.merging(headers) { $1 } }

  /// The cookie is one of a name that no other port's server has.
  @Test func theFirstVisitIsLedToTheOwnName() throws {
    let gate = Gate(token: "0123456789abcdef", port: 8000, name: "rtool-1")
    func visit(_ host: String, _ token: String) throws -> Reply? {
      try gate.admit(request(.GET, "/", headers: ["Host": host], query: ["token": token]))
    }
    let led = try #require(try visit("127.0.0.1:8000", "0123456789abcdef"))
    #expect(led.headers["Set-Cookie"] == nil)
    #expect(led.headers["Location"] == "http://rtool-1.localhost:8000/?token=0123456789abcdef")
    let met = try #require(try visit("rtool-1.localhost:8000", "0123456789abcdef"))
    #expect(met.headers["Set-Cookie"]?.contains("HttpOnly; SameSite=Strict") == true)
    #expect(throws: StudioError.self) { try visit("rtool-2.localhost:8000", "0123456789abcdef") }
  }

  @Test func aTicketIsGoodForOneVisit() throws {
    let gate = Gate(token: "0123456789abcdef", port: 8000)
    let ticket = gate.ticket.issue()
    func visit() throws -> Reply? {
      try gate.admit(request(.GET, "/", headers: ["Host": "127.0.0.1:8000"], query: ["token": ticket]))
    }
    #expect(try visit()?.headers["Set-Cookie"] != nil)
    #expect(throws: StudioError.self) { try visit() }
  }

  @Test func theOwnPageIsLetIn() {
    #expect(status(.GET, own) == nil)
    #expect(status(.GET, with(["Host": "localhost:8000", "Origin": "http://localhost:8000"])) == nil)
    #expect(status(.POST, with(["X-Rtool": "1", "Origin": "http://127.0.0.1:8000"])) == nil)
  }

  @Test func othersAreNot() {
    for host in ["evil.example:8000", "127.0.0.1:8001", "127.0.0.1", "127.0.0.1:8000.evil.example", ""] {
      #expect(status(.GET, with(["Host": host])) == 403, "\(host)")
    }
    #expect(status(.GET, ["Cookie": own["Cookie"]!]) == 403)
    for origin in ["http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001"] {
      #expect(status(.GET, with(["Origin": origin])) == 403, "\(origin)")
    }
    #expect(status(.POST, with(["X-Rtool": "1", "Sec-Fetch-Site": "cross-site"])) == 403)
    #expect(status(.POST, own) == 403)
    #expect(status(.DELETE, own) == 403)
    let host = ["Host": own["Host"]!]
    #expect(status(.GET, host) == 401)
    for cookie in ["rtool-8000=0123456789abcdeg", "rtool-8001=0123456789abcdef", "rtool-8000=", "rtool-8000"]
    {
      #expect(status(.GET, host.merging(["Cookie": cookie]) { $1 }) == 401, "\(cookie)")
    }
  }

  @Test func aFirstVisitGetsACookie() throws {
    let visit = request(.GET, "/", headers: ["Host": own["Host"]!], query: ["token": "0123456789abcdef"])
    let reply = try #require(try gate.admit(visit))
    #expect(reply.status == 303 && reply.headers["Location"] == "/")
    #expect(reply.headers["Set-Cookie"] == "rtool-8000=0123456789abcdef; HttpOnly; SameSite=Strict; Path=/")
    let wrong = request(.GET, "/", headers: ["Host": own["Host"]!], query: ["token": "0123456789abcdee"])
    #expect(StudioTests.status { try gate.admit(wrong) } == 401)
  }

  @Test func tokensDiffer() {
    let tokens = Set((0..<100).map { _ in Gate.newToken() })
    #expect(tokens.count == 100 && tokens.allSatisfy { $0.count == 64 })
    #expect(Gate.areSame("", "") && Gate.areSame("ab", "ab"))
    #expect(!Gate.areSame("ab", "aB") && !Gate.areSame("ab", "abc") && !Gate.areSame("ab", ""))
  }

  @Test func programsSendTheToken() {
    let gate = BearerGate(token: "0123456789abcdef")
    func status(_ value: String?) -> Int? {
      StudioTests.status {
        try gate.admit(request(.GET, "/v1/tasks", headers: value.map { ["Authorization": $0] } ?? [:]))
      }
    }
    #expect(status("Bearer 0123456789abcdef") == nil)
    #expect(status("bearer  0123456789abcdef") == nil)
    for value in [nil, "", "Bearer", "Bearer 0123456789abcdee", "Basic 0123456789abcdef", "0123456789abcdef"]
    {
      #expect(status(value) == 401, "\(value ?? "none")")
    }
  }
}
