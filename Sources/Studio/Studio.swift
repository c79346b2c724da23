import FlyingFox
import FlyingSocks
import Foundation
import Synchronization
import WorkerProtocol

/// The program that serves: `rtool studio` and `rtool serve` become it.
public enum Studio {
  /// Serves until it is ended.
  public static func main(_ arguments: [String]) async -> Never {
    guard arguments.count == 1,
      let settings = try? JSONDecoder().decode(ServerSettings.self, from: Data(arguments[0].utf8))
    else {
      say("rtool-studio: this is a part of rtool; run `rtool studio` or `rtool serve`")
      exit(2)
    }
    do {
      try await serve(settings.withSecret())
    } catch {
      let text = (error as? StudioError)?.text ?? "\(error)"
      say("rtool \(settings.kind.rawValue): \(text)")
    }
    exit(1)
  }

  private static func serve(_ settings: ServerSettings) async throws {
    // Both are failures of writing, which are told.
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    raiseFileLimit()
    let (port, probe) = try freePort(settings.port)
    var ended = settings
    ended.port = port
    endOnSignals()
    let connections = Connections(port: port)
    let server: any Serving =
      switch settings.kind {
      case .studio: try await StudioServer(ended)
      case .serve: try await TaskServer(ended, connections)
      }
    close(probe)
    connections.watch()
    try await listen(server, port: port, connections)
  }

  /// Listens again where the system had no file left for a connection.
  private static func listen(_ server: any Serving, port: Int, _ connections: Connections) async throws {
    var announced = false
    var failures = 0
    while true {
      let http = HTTPServer(
        config: .init(
          address: try .inet(ip4: "127.0.0.1", port: UInt16(port)), timeout: server.longestRequest,
          sharedRequestBufferSize: 1 << 16,
          logger: .disabled))
      await http.appendRoute("*") { request in
        await answer(request, of: server, connections)
      }
      let running = Task { try await http.run() }
      if (try? await http.waitUntilListening(timeout: 5)) != nil {
        failures = 0
        if !announced {
          announced = true
          await server.announce()
        }
      }
      _ = await running.result
      failures += 1
      if failures > 20 { throw StudioError(.failed, "port \(port) cannot be listened at") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private static func answer(_ request: HTTPRequest, of server: any Serving, _ connections: Connections) async
    -> HTTPResponse
  {
    let exchange = connections.begin(request)
    var reply: Reply
    do {
      reply = try await Exchange.$current.withValue(exchange) { try await server.reply(to: request) }
    } catch {
      reply = .failure(error)
    }
    // What is left of the body would be taken for the next request.
    let isClean = await exchange.body.drain(upTo: 16 << 20, seconds: 10)
    if !isClean { reply.headers["Connection"] = "close" }
    exchange.stopReading()
    connections.end(exchange, of: request, isSpoilt: !isClean)
    let response = try? reply.response(toHead: request.method == .HEAD)
    return response ?? HTTPResponse(statusCode: .internalServerError)
  }

  /// A port of this machine that nobody listens at, kept until the server does.
  private static func freePort(_ wanted: Int) throws -> (port: Int, descriptor: Int32) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(wanted)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        let bound = bind(descriptor, pointer, length)
        return bound == 0 ? getsockname(descriptor, pointer, &length) : bound
      }
    }
    guard code == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw StudioError(.failed, "port \(wanted) cannot be used: \(reason); name another with --port")
    }
    return (Int(UInt16(bigEndian: address.sin_port)), descriptor)
  }

  /// As many open files as the system allows: each connection is one.
  private static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Does what is to be done at the end, where a signal asks for that. Workers end when this process does.
  private static func endOnSignals() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    signalPipe.store(ends[1], ordering: .relaxed)
    // Threads that the runtime has begun already take signals, too, so that masks are of no use.
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { _ in
        var byte: UInt8 = 0
        write(signalPipe.load(ordering: .relaxed), &byte, 1)
      }
    }
    Thread { [end = ends[0]] in
      var byte: UInt8 = 0
      while read(end, &byte, 1) < 0, errno == EINTR {}
      atEnd.withLock { for action in $0 { action() } }
      _exit(130)
    }.start()
  }

  /// What is done where a signal ends the program.
  static let atEnd = Mutex<[@Sendable () -> Void]>([])

  static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

  /// Data for a program: the address.
  static func print(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

/// Where the handler of signals writes.
private let signalPipe = Atomic<Int32>(-1)

/// Something that answers requests.
protocol Serving: Sendable {
  /// Seconds that a request may take.
  var longestRequest: Double { get }
  func reply(to request: HTTPRequest) async throws -> Reply
  /// Tells that it can be reached.
  func announce() async
}

extension ServerSettings {
  /// With the token, which comes in the environment: arguments can be read by other users of the machine. Workers are not
  /// told of it.
  fileprivate func withSecret() -> ServerSettings {
    var settings = self
    settings.token = getenv(Self.tokenVariable).map { String(cString: $0) }
    unsetenv(Self.tokenVariable)
    return settings
  }
}
