import Glibc

/// What the kernel tells of a TCP connection to this server.
struct SocketState: Sendable {
  /// The peer's address, as `address:port`.
  let peer: String
  /// Tells this socket from all others that there have been.
  let cookie: UInt64
  /// Whether the peer may still send: it has neither closed nor reset the connection.
  let isOpen: Bool
  /// Bytes that have arrived, those among them that were not read yet, and sent bytes that the peer has acknowledged.
  let received: UInt64, unread: UInt64, acknowledged: UInt64

  /// Bytes that were read.
  var consumed: UInt64 { received - min(unread, received) }

  /// - Returns: nil where the descriptor is no connection to this port of this machine.
  init?(of descriptor: Int32, port: Int) {
    guard let own = Self.address(of: descriptor, getsockname), own.port == port,
      let other = Self.address(of: descriptor, getpeername)
    else { return nil }
    peer = Self.name(other.address, port: other.port)
    guard let cookie: UInt64 = Self.option(descriptor, SOL_SOCKET, Self.cookieOption) else { return nil }
    self.cookie = cookie
    // The kernel's struct tcp_info, which only ever grows at its end; the C library's is shorter.
    var info = [UInt8](repeating: 0, count: 232)
    var size = socklen_t(info.count)
    guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0, size >= 136 else {
      return nil
    }
    isOpen = info[0] == Self.established
    (acknowledged, received) = info.withUnsafeBytes {
      (
        $0.loadUnaligned(fromByteOffset: 120, as: UInt64.self),
        $0.loadUnaligned(fromByteOffset: 128, as: UInt64.self)
      )
    }
    var waiting: Int32 = 0
    unread = ioctl(descriptor, Self.waitingBytes, &waiting) == 0 ? UInt64(max(waiting, 0)) : 0
  }

  /// As `peer` has it.
  /// - Parameter address: in the network's order.
  static func name(_ address: in_addr_t, port: Int) -> String {
    let bytes = withUnsafeBytes(of: address) { Array($0) }
    return bytes.map(String.init).joined(separator: ".") + ":\(port)"
  }

  /// Ends both ways of the connection, if the descriptor is still that of this one: whoever reads from it finds its end.
  func shutDown(_ descriptor: Int32) {
    // It may be closed and given to another meanwhile; what its copy is stays.
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { return }
    defer { close(copy) }
    guard Self.option(copy, SOL_SOCKET, Self.cookieOption) == cookie else { return }
    if unread == 0 {
      shutdown(copy, Int32(SHUT_RDWR))
    } else {
      // What has arrived could still be read. It goes where the connection is dissolved, and the peer finds it reset.
      var nobody = sockaddr()
      nobody.sa_family = sa_family_t(AF_UNSPEC)
      connect(copy, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }
  }

  // From the kernel's headers, of which the C library leaves these out.
  private static let cookieOption: Int32 = 57
  private static let established: UInt8 = 1
  private static let waitingBytes: UInt = 0x541B

  private static func option<Value: FixedWidthInteger>(_ descriptor: Int32, _ level: Int32, _ name: Int32)
    -> Value?
  {
    var value = Value.zero
    var size = socklen_t(MemoryLayout<Value>.size)
    return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : nil
  }

  private static func address(
    of descriptor: Int32,
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (address: in_addr_t, port: Int)? {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &size) }
    }
    guard code == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
    return (address.sin_addr.s_addr, Int(UInt16(bigEndian: address.sin_port)))
  }
}
