import Foundation
import Testing

/// `rtool studio` as its page asks it.
@Suite struct StudioServerTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func studio(_ arguments: String...) throws -> ServerUnderTest {
    try ServerUnderTest(sandbox, ["studio", "--no-browser", "--port", "0"] + arguments)
  }

  private func open(_ name: String, as given: String? = nil, in server: ServerUnderTest) throws -> HTTPAnswer
  {
    try server.ask(
      "POST", "/api/documents?name=\(given ?? name)", server.cookie, Data(try sandbox.bytes(name)))
  }

  @Test func onlyTheOwnPageIsServed() throws {
    let server = try studio("--state", "state")
    let led = try server.ask("GET", "/?token=\(server.token)")
    let name = try #require(led.headers["location"]?.split(separator: "/").dropFirst().first)
    #expect(
      led.status == 303 && led.headers["set-cookie"] == nil && name.hasSuffix(".localhost:\(server.port)"))
    let visit = try server.ask("GET", "/?token=\(server.token)", ["Host": String(name)])
    #expect(visit.status == 303 && visit.headers["set-cookie"]?.contains("SameSite=Strict") == true)
    let page = try server.ask("GET", "/", server.cookie)
    #expect(page.status == 200 && page.text.contains("<html"))
    #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
    func status(_ method: String, _ path: String, _ changes: [String: String?]) throws -> Int {
      var headers = server.cookie
      for (name, value) in changes { headers[name] = value }
      return try server.ask(method, path, headers).status
    }
    #expect(try status("GET", "/api/documents", [:]) == 200)
    #expect(try status("GET", "/api/documents", ["Cookie": nil]) == 401)
    #expect(try status("GET", "/api/documents", ["Cookie": "rtool-\(server.port)=1"]) == 401)
    #expect(try status("GET", "/api/documents", ["Host": "evil.example"]) == 403)
    #expect(try status("GET", "/api/documents", ["Origin": "http://evil.example"]) == 403)
    #expect(try status("POST", "/api/documents", ["X-Rtool": nil]) == 403)
    #expect(try server.ask("GET", "/?token=wrong").status == 401)
    for path in [
      "/../../etc/passwd", "/api/documents/..%2f..%2fetc", "/api/folder/..%2fpasswd/thumb", "/studio.css/..",
      "/api/documents/0123456789ab/steps/1/file", "/api/features/..%2fx/picture", "/%00",
    ] {
      let answer = try server.ask("GET", path, server.cookie)
      #expect(
        !answer.text.contains("root:") && [200, 404].contains(answer.status), "\(path): \(answer.text)")
    }
  }

  @Test func historySurvivesTheServer() throws {
    try sandbox.photo("in.png", width: 60, height: 40)
    let first = try studio("--state", "state")
    let opened = try open("in.png", as: "..%2F..%2Fmy%20photo.png", in: first)
    let id = try #require(opened.json["id"] as? String, "\(opened.text)")
    let begun = try first.ask(
      "POST", "/api/documents/\(id)/runs", first.cookie,
      Data(
        #"{"task": "inpaint", "step": 1, "parameters": {"box": ["9,9,9,9"], "steps": ["1"], "seed": ["3"]}}"#
          .utf8))
    #expect(begun.status == 202, "\(begun.text)")
    func steps(_ server: ServerUnderTest) throws -> [[String: Any]] {
      try server.ask("GET", "/api/documents/\(id)", server.cookie).json["steps"] as? [[String: Any]] ?? []
    }
    #expect(try first.wait { try steps(first).count == 2 })
    let result = try first.ask("GET", "/api/documents/\(id)/steps/2/file", first.cookie).body
    // What is no image leaves nothing.
    try sandbox.write("text.png", Array("no image".utf8))
    let refused = try open("text.png", in: first)
    #expect(refused.status == 422 && !refused.error.isEmpty)
    first.kill()

    let second = try studio("--state", "state")
    let documents = try second.ask("GET", "/api/documents", second.cookie)
    let all = try JSONSerialization.jsonObject(with: documents.body) as? [[String: Any]] ?? []
    #expect(all.count == 1 && all.first?["id"] as? String == id)
    #expect(
      try steps(second).last?["command"] as? String
        == "rtool inpaint my-photo.png --box 9,9,9,9 --steps 1 --seed 3 -o my-photo-inpaint-1.png")
    #expect(try second.ask("GET", "/api/documents/\(id)/steps/2/file", second.cookie).body == result)
    // The cookie of an earlier start opens nothing.
    #expect(
      try second.ask("GET", "/api/documents", ["Cookie": "rtool-\(second.port)=\(first.token)"]).status == 401
    )
  }

  @Test func aFullDiskLosesNothing() throws {
    // Where nothing can be mounted this cannot be tested.
    let mount = try sandbox.shell("mkdir disk && mount -t tmpfs -o size=128k tmpfs disk")
    guard mount.status == 0 else { return }
    defer { _ = try? sandbox.shell("umount -l disk") }
    try sandbox.photo("in.png", width: 60, height: 40)
    let server = try studio("--state", "disk/state")
    let opened = try open("in.png", in: server)
    let id = try #require(opened.json["id"] as? String, "\(opened.text)")
    let full = try server.ask(
      "POST", "/api/documents/\(id)/files?name=a.bin", server.cookie, Data(count: 400 << 10))
    #expect(full.status == 507 && full.error.contains("the disk is full"), "\(full.text)")
    let whole = try server.ask("GET", "/api/documents/\(id)/steps/1/file", server.cookie).body
    #expect(whole == Data(try sandbox.bytes("in.png")))
  }
}
