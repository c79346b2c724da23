import FlyingFox
import Foundation
import Synchronization

/// Watches the connections to this server from outside: the HTTP library reads heads of any length, waits for ever for those
/// who send nothing, and does not see that somebody has gone while they are answered. What goes beyond the limits is shut
/// down, and the library finds the connection's end.
final class Connections: Sendable {
  struct Limits: Sendable {
    /// Connections at once; beyond, those that wait longest are shut down.
    var most = 1024
    /// Bytes of a request before its body, with the short body that the library reads at once.
    var head: UInt64 = 192 << 10
    /// Seconds for a head that is longer than usual: the library takes time that grows with the square of a line's length.
    var longHead = 5.0, usualHead: UInt64 = 16 << 10
    /// Seconds in which something has to be sent to a connection that is not being answered: so a head has as long to
    /// arrive, and a client to take a part of its answer, and one that asks nothing is left.
    var idle = 60.0
    /// Seconds in which something of a body has to arrive.
    var stalled = 30.0
    /// Seconds in which a body has to arrive.
    var upload = 900.0
  }

  private struct Record {
    let cookie: UInt64
    var exchange: Exchange?
    /// Bytes read when the head that is awaited began, and since when there is something of it.
    var headBegin: UInt64 = 0
    var headCame: Double?
    var acknowledged: UInt64 = 0
    var received: UInt64 = 0
    /// Since when nothing was sent to it, and nothing came.
    var sent = monotonicNow(), came = monotonicNow()
    /// What comes next on it is no request.
    var isSpoilt = false
  }

  private struct State {
    var records: [String: Record] = [:]
    /// Exchanges with peers whose connection was not seen yet.
    var exchanges: [String: Exchange] = [:]
    /// Peers whose exchange has ended, whether the connection is spoilt by that, and how often had been looked before.
    var ended: [String: (isSpoilt: Bool, round: Int)] = [:]
    var round = 0
  }

  private let state = Mutex(State())
  private let port: Int
  private let limits: Limits
  private let interval = 0.5

  init(port: Int, limits: Limits = Limits()) {
    self.port = port
    var limits = limits
    var files = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
      // Each connection is a file, and so is what else the server needs.
      limits.most = min(limits.most, max(Int(clamping: files.rlim_cur) / 2, 16))
    }
    self.limits = limits
  }

  /// Begins to watch, for as long as the process lives.
  func watch() {
    Thread { [self] in
      while true {
        look()
        usleep(UInt32(interval * 1e6))
      }
    }.start()
  }

  /// How many there were when it was last looked.
  var count: Int { state.withLock { $0.records.count } }

  // MARK: Exchanges

  func begin(_ request: HTTPRequest) -> Exchange {
    let peer = Self.peer(of: request)
    let expectsWord = request.headers[HTTPHeader("Expect")]?.lowercased() == "100-continue"
    let exchange = Exchange(
      BodyReader(request) { [weak self] in if expectsWord { self?.encourage(peer) } })
    guard let peer else { return exchange }
    state.withLock { state in
      state.exchanges[peer] = exchange
      state.records[peer]?.exchange = exchange
    }
    return exchange
  }

  /// - Parameter isSpoilt: whether a part of the body is left, so that the connection has to end with this answer.
  func end(_ exchange: Exchange, of request: HTTPRequest, isSpoilt: Bool) {
    guard let peer = Self.peer(of: request) else { return }
    state.withLock { state in
      guard state.exchanges[peer] === exchange else { return }
      state.exchanges[peer] = nil
      state.records[peer]?.exchange = nil
      state.records[peer]?.sent = monotonicNow()
      state.ended[peer] = (isSpoilt, state.round)
    }
  }

  private static func peer(of request: HTTPRequest) -> String? {
    guard case .ip4(let address, let port)? = request.remoteAddress else { return nil }
    return "\(address):\(port)"
  }

  /// Tells a client that waits with its body, as curl does with long ones, to send it.
  private func encourage(_ peer: String?) {
    guard let peer, let descriptor = sockets().first(where: { $0.state.peer == peer })?.descriptor else {
      return
    }
    let word = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    _ = send(descriptor, word, word.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
  }

  // MARK: Looking

  private func sockets() -> [(descriptor: Int32, state: SocketState)] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap { name in
      guard let descriptor = Int32(name), let state = SocketState(of: descriptor, port: port) else {
        return nil
      }
      return (descriptor, state)
    }
  }

  private func look() {
    let round = state.withLock { state in
      state.round += 1
      return state.round
    }
    let found = sockets()
    let now = monotonicNow()
    var shut: [(descriptor: Int32, state: SocketState)] = []
    var gone: [Exchange] = []
    state.withLock { state in
      let before = state.records
      state.records = [:]
      var waiting: [(since: Double, index: Int)] = []
      for (index, (_, socket)) in found.enumerated() {
        var record =
          before[socket.peer].flatMap { $0.cookie == socket.cookie ? $0 : nil }
          ?? Record(cookie: socket.cookie)
        record.exchange = state.exchanges[socket.peer]
        let ended = state.ended[socket.peer]
        if let ended, ended.round < round {
          state.ended[socket.peer] = nil
          if ended.isSpoilt { record.isSpoilt = true }
          (record.headBegin, record.headCame) = (socket.consumed, nil)
        }
        if socket.acknowledged != record.acknowledged {
          (record.acknowledged, record.sent) = (socket.acknowledged, now)
        }
        if socket.received != record.received { (record.received, record.came) = (socket.received, now) }
        if let exchange = record.exchange {
          if !socket.isOpen { gone.append(exchange) }
          if exchange.isReading, isTooSlow(exchange, record, socket, now) { shut.append(found[index]) }
        } else if ended == nil || ended!.round < round {
          // What ended since the sockets were looked at is judged the next time.
          let head = socket.consumed - min(record.headBegin, socket.consumed)
          if head > 0, record.headCame == nil { record.headCame = now }
          let isSlow = head > limits.usualHead && now - (record.headCame ?? now) > limits.longHead
          let isFlood = head > limits.head || isSlow
          let isDone = record.isSpoilt && now - record.sent > 2
          if isFlood || isDone || now - record.sent > limits.idle {
            shut.append(found[index])
          } else {
            waiting.append((record.sent, index))
          }
        }
        state.records[socket.peer] = record
      }
      let excess = found.count - shut.count - limits.most
      if excess > 0 {
        shut += waiting.sorted { $0.since < $1.since }.prefix(excess).map { found[$0.index] }
      }
      state.ended = state.ended.filter { $0.value.round >= round }
    }
    for (descriptor, socket) in shut { socket.shutDown(descriptor) }
    for exchange in gone { exchange.leave() }
  }

  private func isTooSlow(_ exchange: Exchange, _ record: Record, _ socket: SocketState, _ now: Double) -> Bool
  {
    if now - record.came > limits.stalled, now - exchange.begin > limits.stalled, socket.unread == 0 {
      return true
    }
    if now - exchange.begin > limits.upload { return true }
    // What is said about chunks may be longer than they are, but not for ever.
    let delivered = UInt64(exchange.body.delivered.load(ordering: .relaxed))
    return socket.consumed - min(record.headBegin, socket.consumed) > 8 * delivered + limits.head + (1 << 20)
  }
}
