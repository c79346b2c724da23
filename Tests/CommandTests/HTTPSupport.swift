import Foundation
import Glibc
import Testing

/// What a server answered.
struct HTTPAnswer {
  let status: Int
  /// By names in small letters.
  let headers: [String: String]
  let body: Data

  var text: String { String(decoding: body, as: UTF8.self) }
  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:] }
  /// The sentence that says why it was not done.
  var error: String { json["error"] as? String ?? "" }

  fileprivate init(_ data: Data) throws {
    let end = try #require(data.range(of: Data("\r\n\r\n".utf8)), "no answer")
    let lines = String(decoding: data[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    status = try #require(lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) })
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    (self.headers, body) = (headers, Data(data[end.upperBound...]))
  }
}

/// A connection to this machine, without any library between.
final class HTTPConnectionUnderTest {
  let descriptor: Int32

  /// - Returns: nil where nobody listens.
  init?(ifListening port: Int) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var patience = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    if code != 0 { return nil }
  }

  static func open(port: Int) throws -> HTTPConnectionUnderTest {
    try #require(HTTPConnectionUnderTest(ifListening: port), "nobody listens at \(port)")
  }

  deinit { close(descriptor) }

  /// - Returns: whether all was taken.
  @discardableResult
  func send(_ data: Data) -> Bool {
    data.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.send(
          descriptor, bytes.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
        if count <= 0 { return false }
        done += count
      }
      return true
    }
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Data(text.utf8)) }

  /// All that comes until the other side closes.
  func read() -> Data {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count <= 0 { return data }
      data.append(contentsOf: buffer[..<count])
    }
  }

  func answer() throws -> HTTPAnswer { try HTTPAnswer(read()) }
}

/// `rtool serve` or `rtool studio` in a sandbox; killed with the value.
final class ServerUnderTest {
  let port: Int
  /// What it printed first.
  let line: String
  private let running: Spawn.Running
  private let sandbox: Sandbox
  private var isKilled = false

  init(_ sandbox: Sandbox, _ arguments: [String], environment: [String: String] = [:]) throws {
    self.sandbox = sandbox
    let output = sandbox.path(".server-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: sandbox.path(".tmp"), withIntermediateDirectories: true)
    running = try Spawn(
      program: Program.path, arguments: arguments, folder: sandbox.folder,
      environment: [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": sandbox.folder, "LC_ALL": "C.UTF-8",
        "TMPDIR": sandbox.path(".tmp"),
      ].merging(environment) { $1 }, output: output, errors: output + ".errors"
    ).start()
    var line = ""
    for _ in 0..<6000 {
      let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
      if let end = text.firstIndex(of: "\n") {
        line = String(text[..<end])
        break
      }
      var status: Int32 = 0
      if waitpid(running.process, &status, WNOHANG) == running.process { break }
      usleep(10_000)
    }
    self.line = line
    let errors = (try? String(contentsOfFile: output + ".errors", encoding: .utf8)) ?? ""
    let address = try #require(line.firstMatch(of: /http:\/\/[a-z0-9.-]+:(\d+)/), "\(errors)")
    port = try #require(Int(address.1))
  }

  deinit { kill() }

  /// What a program sends, or what the browser's first visit brings.
  var token: String { line.firstMatch(of: /token(?:=|":")([0-9a-f]{64})/).map { String($0.1) } ?? "" }

  func kill(_ signal: Int32 = SIGKILL) {
    guard !isKilled else { return }
    isKilled = true
    Glibc.kill(running.process, signal)
    _ = running.wait()
  }

  func connection() throws -> HTTPConnectionUnderTest { try .open(port: port) }

  /// The bytes of a request.
  func request(_ method: String, _ path: String, _ headers: [String: String] = [:], _ body: Data = Data())
    -> Data
  {
    var lines = ["\(method) \(path) HTTP/1.1"]
    let usual = ["Host": "127.0.0.1:\(port)", "Connection": "close", "Content-Length": "\(body.count)"]
    lines += usual.merging(headers) { $1 }.map { "\($0.key): \($0.value)" }
    return Data((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }

  /// Asks as somebody without token or cookie.
  func ask(_ method: String, _ path: String, _ headers: [String: String] = [:], _ body: Data = Data()) throws
    -> HTTPAnswer
  {
    let connection = try connection()
    connection.send(request(method, path, headers, body))
    return try connection.answer()
  }

  var bearer: [String: String] { ["Authorization": "Bearer \(token)"] }
  var cookie: [String: String] { ["Cookie": "rtool-\(port)=\(token)", "X-Rtool": "1"] }

  /// A form's part: a text, or a file's name and its bytes.
  enum Field {
    case text(String)
    case file(String, Data)
  }

  func form(_ fields: KeyValuePairs<String, Field>) -> (type: String, body: Data) {
    var body = Data()
    for (name, field) in fields {
      body += Data("--a-boundary\r\nContent-Disposition: form-data; name=\"\(name)\"".utf8)
      switch field {
      case .text(let text): body += Data("\r\n\r\n\(text)\r\n".utf8)
      case .file(let file, let data):
        body += Data("; filename=\"\(file)\"\r\nContent-Type: application/octet-stream\r\n\r\n".utf8) + data
        body += Data("\r\n".utf8)
      }
    }
    return ("multipart/form-data; boundary=a-boundary", body + Data("--a-boundary--\r\n".utf8))
  }

  /// Asks for a task with the token.
  func task(_ name: String, _ fields: KeyValuePairs<String, Field>, _ headers: [String: String] = [:]) throws
    -> HTTPAnswer
  {
    let (type, body) = form(fields)
    return try ask(
      "POST", "/v1/tasks/\(name)", bearer.merging(["Content-Type": type]) { $1 }.merging(headers) { $1 }, body
    )
  }

  /// Waits until something is so.
  func wait(until isSo: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<3000 {
      if try isSo() { return true }
      usleep(10_000)
    }
    return false
  }

  /// A sample of its metrics.
  func metric(_ name: String) throws -> Int? {
    let answer = try ask("GET", "/metrics", bearer)
    let line = answer.text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
  }
}

/// nginx before a server, with the settings that docs/serve.md shows; ended with the value.
final class FrontProxy {
  let port: Int
  private let running: Spawn.Running

  init(_ sandbox: Sandbox, to server: Int) throws {
    // A port that was free a moment ago.
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        _ = bind(probe, pointer, size)
        getsockname(probe, pointer, &size)
      }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    close(probe)
    let folder = sandbox.path(".proxy")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let text = try String(contentsOfFile: "\(Program.root)/docs/serve.md", encoding: .utf8)
    let example = try #require(
      text.firstMatch(of: /```nginx\n((?s:.*?))```/)?.1, "docs/serve.md shows no settings")
    let shown = String(example).replacing("127.0.0.1:8000", with: "127.0.0.1:\(server)")
      .replacing(/listen .*;/, with: "listen 127.0.0.1:\(port);").replacing(/ssl_.*;/, with: "")
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
      "\($0)_temp_path \(folder)/\($0);"
    }
    try sandbox.write(
      ".proxy/nginx.conf",
      Array(
        """
        daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/errors;
        events {}
        http { access_log off; \(paths.joined(separator: " "))
        \(shown) }
        """.utf8))
    running = try Spawn(
      program: "/usr/sbin/nginx", arguments: ["-p", folder, "-c", "\(folder)/nginx.conf"], folder: folder,
      environment: ["PATH": "/usr/sbin:/usr/bin:/bin"], output: "\(folder)/output", errors: "\(folder)/output"
    ).start()
    for _ in 0..<1000 where HTTPConnectionUnderTest(ifListening: port) == nil { usleep(10_000) }
  }

  deinit {
    kill(running.process, SIGKILL)
    _ = running.wait()
  }
}
