import Foundation
import Testing

/// A plugin in C whose one run does what a macro says.
private let plugin = """
  #define _GNU_SOURCE
  #include "rtool.h"
  #include <signal.h>
  #include <unistd.h>

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    (void)values;
    BODY
    return host->emit_text(host, "done\\n");
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = NAME, .version = "1",
    .summary = "A test", .flags = RTOOL_TEXT_ALONE, .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// `rtool serve`: tasks for other programs.
@Suite struct ServeTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func compile(_ name: String, _ body: String) throws {
    try sandbox.compilePlugin(name, plugin, flags: ["-std=c11", "-DNAME=\"\(name)\"", "-DBODY=\(body)"])
  }

  private func serve(_ arguments: String..., environment: [String: String] = [:]) throws -> ServerUnderTest {
    let all = ["serve", "--port", "0"] + arguments
    return try ServerUnderTest(
      sandbox, all, environment: ["RTOOL_PATH": sandbox.path("plugins")].merging(environment) { $1 })
  }

  /// What is in the folders of requests of all servers of this sandbox.
  private var leftFiles: [String] {
    let all = (try? FileManager.default.subpathsOfDirectory(atPath: sandbox.path(".tmp"))) ?? []
    return all.filter { $0.split(separator: "/").count > 2 }
  }

  private func file(_ name: String) throws -> ServerUnderTest.Field {
    .file(name, Data(try sandbox.bytes(name)))
  }

  @Test func whoHasTheTokenIsServed() throws {
    let server = try serve("--jobs", "1")
    #expect(server.token.count == 64)
    #expect(try server.ask("GET", "/healthz").json["status"] as? String == "ok")
    for path in ["/v1/tasks", "/v1/openapi.json", "/metrics", "/v1/tasks/inpaint", "/nothing"] {
      let refused = try server.ask("GET", path)
      #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer", "\(path)")
      #expect(refused.error.contains("Authorization"))
      let wrong = try server.ask("GET", path, ["Authorization": "Bearer \(server.token.dropLast())0"])
      #expect(wrong.status == (server.token.hasSuffix("0") ? wrong.status : 401))
    }
    // What a browser would send for a page of others has no token, whatever it asks.
    let other = ["Origin": "http://evil.example", "Cookie": "rtool-\(server.port)=\(server.token)"]
    #expect(try server.ask("POST", "/v1/tasks/generate", other).status == 401)
    let preflight = try server.ask("OPTIONS", "/v1/tasks/generate", other)
    #expect(preflight.status == 401 && preflight.headers["access-control-allow-origin"] == nil)

    let list = try JSONSerialization.jsonObject(with: server.ask("GET", "/v1/tasks", server.bearer).body)
    let names = (list as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
    #expect(names.contains("inpaint") && names.contains("classify") && names == names.sorted())
    let document = try server.ask("GET", "/v1/openapi.json", server.bearer).json
    #expect((document["paths"] as? [String: Any])?["/v1/tasks/inpaint"] != nil)
    #expect(try server.metric("rtool_workers") == 1)

    for path in [
      "/", "/v1", "/v1/tasks/nothing", "/v1/tasks/../../etc/passwd", "/v1/tasks/..%2f..%2fetc%2fpasswd",
      "/v1/tasks/inpaint/..", "/v1/tasks/%00", "//etc/passwd", "/v1/tasks/inpaint%2f", "http://x/y",
    ] {
      #expect([400, 404, 200].contains(try server.ask("GET", path, server.bearer).status), "\(path)")
      #expect(try !server.ask("GET", path, server.bearer).text.contains("root:"), "\(path)")
    }
    #expect(try server.ask("DELETE", "/v1/tasks/inpaint", server.bearer).status == 405)
    #expect(try server.ask("POST", "/metrics", server.bearer).status == 405)
    #expect(try server.ask("HEAD", "/healthz").body.isEmpty)
    for _ in 0..<200 { #expect(try server.ask("GET", "/v1/tasks/classify", server.bearer).status == 200) }
  }

  @Test func resultsAreThoseOfTheCommand() throws {
    try sandbox.photo("in.png")
    let server = try serve(
      "--jobs", "1", environment: ["RTOOL_TOKEN": "a token-of-my-own".replacing(" ", with: "-")])
    // A token that is known is not printed.
    #expect(!server.line.contains("token-of"))
    let bearer = ["Authorization": "Bearer a-token-of-my-own"]
    let command = try sandbox.rtool(
      "inpaint", "in.png", "--box", "60,40,30,30", "--steps", "3", "--seed", "7", "-o", "out.png")
    try #require(command.status == 0, "\(command.errors)")
    let fields: KeyValuePairs<String, ServerUnderTest.Field> = [
      "image": try file("in.png"), "box": .text("60,40,30,30"), "steps": .text("3"), "seed": .text("7"),
    ]
    let answer = try server.task("inpaint", fields, bearer)
    try #require(answer.status == 200, "\(answer.text)")
    #expect(answer.headers["content-type"] == "image/png" && answer.headers["x-rtool-seed"] == "7")
    #expect(answer.headers["x-rtool-seconds"].flatMap { Double($0) } != nil)
    #expect(answer.body == Data(try sandbox.bytes("out.png")))

    let json = try server.task("inpaint", fields, bearer.merging(["Accept": "application/json"]) { $1 })
    let output = (json.json["outputs"] as? [[String: Any]])?.first
    #expect((output?["base64"] as? String).flatMap { Data(base64Encoded: $0) } == answer.body)
    #expect(json.json["command"] as? String == "rtool inpaint in.png --box 60,40,30,30 --steps 3 --seed 7")

    let several = try server.ask(
      "POST", "/v1/tasks/generate", bearer.merging(["Content-Type": "application/json"]) { $1 },
      Data(#"{"class": "sea", "width": 64, "steps": 2, "count": 2, "format": "jpeg"}"#.utf8))
    let outputs = several.json["outputs"] as? [[String: Any]] ?? []
    #expect(
      outputs.count == 2 && outputs.allSatisfy { $0["type"] as? String == "image/jpeg" }, "\(several.text)")

    let text = try server.task("classify", ["image": try file("in.png")], bearer)
    #expect((text.json["text"] as? String)?.contains("%") == true, "\(text.text)")
    let report = try server.task("classify", ["image": try file("in.png"), "json": .text("yes")], bearer)
    #expect((report.json["report"] as? [String: Any])?["result"] != nil, "\(report.text)")
    #expect(server.wait { leftFiles.isEmpty })
  }

  @Test func badInputIsRefusedInWords() throws {
    try sandbox.photo("in.png", width: 40, height: 30)
    let server = try serve("--jobs", "1", "--max-request", "1")
    func expect(
      _ status: Int, _ words: String, _ answer: HTTPAnswer, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(
        answer.status == status && answer.error.contains(words), "\(answer.text)",
        sourceLocation: sourceLocation)
    }
    let image = try file("in.png")
    expect(422, "not", try server.task("classify", ["image": .file("a.png", Data("no image".utf8))]))
    expect(400, "IMAGE is missing", try server.task("classify", [:]))
    expect(400, "no parameter size", try server.task("classify", ["image": image, "size": .text("1")]))
    expect(
      400, "no parameter output", try server.task("inpaint", ["image": image, "output": .text("/tmp/x")]))
    expect(
      400, "no parameter max-pixels",
      try server.task("inpaint", ["image": image, "max-pixels": .text("9999")]))
    expect(400, "takes a text", try server.task("inpaint", ["image": image, "steps": .file("x", Data())]))
    expect(400, "/etc/passwd", try server.task("inpaint", ["image": .text("/etc/passwd")]))
    expect(
      400, "steps",
      try server.task("inpaint", ["image": image, "box": .text("1,1,5,5"), "steps": .text("many")]))
    expect(413, "megabytes", try server.task("classify", ["image": .file("a.png", Data(count: 2 << 20))]))
    expect(
      413, "too long", try server.task("generate", ["class": .text(String(repeating: "x", count: 100_000))]))
    let long = try server.ask(
      "POST", "/v1/tasks/classify", server.bearer.merging(["Content-Length": "9223372036854775807"]) { $1 })
    expect(413, "megabytes", long)
    func ask(_ type: String?, _ body: String) throws -> HTTPAnswer {
      try server.ask(
        "POST", "/v1/tasks/generate", server.bearer.merging(type.map { ["Content-Type": $0] } ?? [:]) { $1 },
        Data(body.utf8))
    }
    expect(415, "multipart/form-data", try ask("text/plain", "x"))
    expect(415, "multipart/form-data", try ask(nil, "x"))
    expect(400, "boundary", try ask("multipart/form-data", "x"))
    expect(400, "middle of its parts", try ask("multipart/form-data; boundary=b", "--b\r\n"))
    expect(400, "JSON", try ask("application/json", "{"))
    // Names of files lead nowhere.
    let far = try server.task(
      "classify", ["image": .file("../../../far.png", Data(try sandbox.bytes("in.png")))])
    #expect(far.status == 200 && (far.json["command"] as? String)?.contains("/") == false, "\(far.text)")
    expect(422, "60000 x 60000", try server.task("classify", ["image": .file("bomb.png", Self.bomb)]))
    #expect(server.wait { leftFiles.isEmpty })
    #expect(!FileManager.default.fileExists(atPath: sandbox.path("far.png")))
  }

  /// The head of a PNG file of 3,600 megapixels.
  private static let bomb: Data = {
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      let content = Array(name.utf8) + data
      var crc: UInt32 = 0xFFFF_FFFF
      for byte in content {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
      }
      func big(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
      }
      return big(UInt32(data.count)) + content + big(~crc)
    }
    let side: [UInt8] = [0, 0, 0xEA, 0x60]
    return Data(
      [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10] + chunk("IHDR", side + side + [8, 2, 0, 0, 0])
        + chunk("IDAT", [0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1]) + chunk("IEND", []))
  }()

  @Test func pluginsThatCrashOrHangEndAlone() throws {
    try compile("crashes", "*(volatile int *)8 = 1;")
    try compile("hangs", "for (;;) pause();")
    try compile("works", ";")
    let server = try serve("--jobs", "1", "--time-limit", "5")
    let crash = try server.task("crashes", [:])
    #expect(crash.status == 500 && crash.error.contains("crashed (SIGSEGV)"), "\(crash.text)")
    let hang = try server.task("hangs", [:])
    #expect(hang.status == 504 && hang.error.contains("longer than 5 seconds"), "\(hang.text)")
    let done = try server.task("works", [:])
    #expect(done.status == 200 && done.json["text"] as? String == "done\n", "\(done.text)")
    let text = try server.ask("GET", "/metrics", server.bearer).text
    for line in [
      #"rtool_runs_total{task="crashes",result="broken"} 1"#,
      #"rtool_runs_total{task="hangs",result="late"} 1"#,
      #"rtool_runs_total{task="works",result="done"} 1"#,
      #"rtool_requests_total{method="POST",path="/v1/tasks/{name}",status="500"} 1"#,
      #"rtool_run_seconds_count{task="works"} 1"#,
    ] { #expect(text.contains(line + "\n"), "\(line) is not in\n\(text)") }
  }

  @Test func whoLeavesIsNotWorkedFor() throws {
    try compile("hangs", "for (;;) pause();")
    let server = try serve("--jobs", "1", "--queue", "1")
    let (type, body) = server.form([:])
    func begin() throws -> HTTPConnectionUnderTest {
      let connection = try server.connection()
      let headers = server.bearer.merging(["Content-Type": type]) { $1 }
      connection.send(server.request("POST", "/v1/tasks/hangs", headers, body))
      return connection
    }
    var connections = [try begin()]
    #expect(try server.wait { try server.metric("rtool_busy_workers") == 1 })
    connections.append(try begin())
    #expect(try server.wait { try server.metric("rtool_queue_length") == 1 })
    let third = try server.task("hangs", [:])
    #expect(third.status == 429 && third.headers["retry-after"] != nil && third.error.contains("2 requests"))
    connections.removeAll()
    #expect(try server.wait { try server.metric("rtool_busy_workers") == 0 })
    #expect(try server.metric("rtool_queue_length") == 0)
    #expect(try server.metric(#"rtool_runs_total{task="hangs",result="stopped"}"#) == 1)
    #expect(server.wait { leftFiles.isEmpty })
  }

  @Test func connectionsAreBounded() throws {
    let server = try serve("--jobs", "1")
    // A head without an end is cut off, and who sends it finds the connection closed.
    let flood = try server.connection()
    flood.send("GET /healthz HTTP/1.1\r\nX: ")
    let part = Data(repeating: UInt8(ascii: "x"), count: 1 << 20)
    #expect((0..<64).contains { _ in !flood.send(part) })
    // So is one of chunks whose length does not end.
    let chunks = try server.connection()
    let headers = server.bearer.merging(["Content-Type": "multipart/form-data; boundary=b"]) { $1 }
    var lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
    lines += "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks.send("POST /v1/tasks/classify HTTP/1.1\r\n" + lines)
    #expect((0..<64).contains { _ in !chunks.send(Data(repeating: UInt8(ascii: "1"), count: 1 << 20)) })
    // What is no HTTP at all ends the connection.
    let noise = try server.connection()
    noise.send(Data((0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37) }) + Data("\r\n\r\n".utf8))
    #expect(noise.read().isEmpty)
    #expect(try server.ask("GET", "/healthz").status == 200)
  }

  @Test func longBodiesAreAskedFor() throws {
    try sandbox.photo("in.png", width: 300, height: 250)
    let server = try serve("--jobs", "1")
    let (type, body) = server.form(["image": try file("in.png")])
    try #require(body.count > 100 << 10)
    let connection = try server.connection()
    let headers = server.bearer.merging(["Content-Type": type, "Expect": "100-continue"]) { $1 }
    let request = server.request("POST", "/v1/tasks/classify", headers, body)
    connection.send(request.prefix(request.count - body.count))
    let word = Data("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    var buffer = [UInt8](repeating: 0, count: word.count)
    #expect(recv(connection.descriptor, &buffer, buffer.count, Int32(MSG_WAITALL)) == word.count)
    #expect(Data(buffer) == word)
    connection.send(body)
    #expect(try connection.answer().status == 200)
    // The same body in chunks.
    let chunked = try server.connection()
    var lines = server.bearer.merging(["Content-Type": type]) { $1 }.map { "\($0.key): \($0.value)\r\n" }
      .joined()
    lines += "Host: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked.send("POST /v1/tasks/classify HTTP/1.1\r\n" + lines)
    for start in stride(from: 0, to: body.count, by: 10_000) {
      let chunk = body[start..<min(start + 10_000, body.count)]
      chunked.send(Data("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Data("\r\n".utf8))
    }
    chunked.send("0\r\n\r\n")
    #expect(try chunked.answer().status == 200)
  }

  @Test func aKilledServerLeavesNothing() throws {
    try compile("hangs", "for (;;) pause();")
    try sandbox.photo("in.png", width: 40, height: 30)
    let first = try serve("--jobs", "1")
    let connection = try first.connection()
    let (type, body) = first.form([:])
    connection.send(
      first.request("POST", "/v1/tasks/hangs", first.bearer.merging(["Content-Type": type]) { $1 }, body))
    #expect(try first.wait { try first.metric("rtool_busy_workers") == 1 })
    first.kill()
    #expect(connection.read().isEmpty)
    let folders = { (try? FileManager.default.subpathsOfDirectory(atPath: sandbox.path(".tmp"))) ?? [] }
    let before = Set(folders().filter { $0.contains("/server-") })
    #expect(!before.isEmpty)
    let second = try serve("--jobs", "1")
    #expect(Set(folders()).isDisjoint(with: before))
    #expect(try second.task("classify", ["image": try file("in.png")]).status == 200)
    // One that is ended takes its folder with it.
    second.kill(SIGTERM)
    #expect(folders().filter { $0.contains("/server-") }.isEmpty)
  }

  @Test func aFullDiskIsTold() throws {
    // Where nothing can be mounted this cannot be tested.
    let mount = try sandbox.shell("mkdir disk && mount -t tmpfs -o size=256k tmpfs disk")
    guard mount.status == 0 else { return }
    defer { _ = try? sandbox.shell("umount -l disk") }
    try sandbox.photo("in.png", width: 300, height: 250)
    let server = try serve("--jobs", "1", environment: ["TMPDIR": sandbox.path("disk")])
    let upload = try server.task("classify", ["image": .file("a.png", Data(count: 1 << 20))])
    #expect(upload.status == 507 && upload.error.contains("the disk is full"), "\(upload.text)")
    let result = try server.task(
      "inpaint",
      ["image": try file("in.png"), "box": .text("9,9,9,9"), "steps": .text("1"), "format": .text("tiff")])
    #expect(result.status == 507 && result.error.contains("the disk is full"), "\(result.text)")
    try sandbox.photo("small.png", width: 40, height: 30)
    #expect(try server.task("classify", ["image": try file("small.png")]).status == 200)
  }

  @Test(.enabled(if: access("/usr/sbin/nginx", X_OK) == 0, "nginx is not installed"))
  func behindAProxyAllIsTheSame() throws {
    try sandbox.photo("in.png", width: 300, height: 250)
    let server = try serve("--jobs", "1")
    let proxy = try FrontProxy(sandbox, to: server.port)
    var direct = try server.task("classify", ["image": try file("in.png")])
    #expect(direct.status == 200)
    let (type, body) = server.form(["image": try file("in.png")])
    #expect(body.count > 16 << 10)
    let headers = server.bearer.merging(["Content-Type": type, "Host": "pictures.example"]) { $1 }
    func ask(_ headers: [String: String], _ body: Data) throws -> HTTPAnswer {
      let connection = try HTTPConnectionUnderTest.open(port: proxy.port)
      connection.send(server.request("POST", "/v1/tasks/classify", headers, body))
      return try connection.answer()
    }
    for _ in 0..<5 {
      direct = try ask(headers, body)
      #expect(direct.status == 200 && direct.json["text"] != nil, "\(direct.text)")
      // A refusal that leaves the body unread does not disturb who has the proxy's connection next.
      let refused = try ask(["Content-Type": type], body)
      #expect(refused.status == 401 && refused.error.contains("Authorization"), "\(refused.text)")
    }
  }

  @Test func tokensThatAreNoneAreRefused() throws {
    try sandbox.write("short", Array("abc\n".utf8))
    expectOneLine(
      try sandbox.rtool("serve", "--port", "0", "--token-file", "short").errors, contains: "short", "16")
    expectOneLine(try sandbox.rtool("serve", "--port", "0", "--token-file", "none").errors, contains: "none")
    let variable = try sandbox.rtool(
      "serve", "--port", "0", environment: ["RTOOL_TOKEN": "a b c d e f g h i"])
    expectOneLine(variable.errors, contains: "RTOOL_TOKEN", "16")
  }
}
