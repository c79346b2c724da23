import Glibc
import Imaging
import Synchronization

/// Claims by which processes that see one folder, on any nodes, divide inputs among themselves: a file beside each output,
/// made exclusively, whose time is renewed while its process lives. One that was not renewed for a while is taken over.
/// Clocks of nodes are not compared: a claim is watched for as long by whoever wants it.
final class Claims: Sendable {
  private let patience: Double
  private let state = Mutex(State())

  private struct State {
    var held: [String: FileIdentity] = [:]
    var seen: [String: Sighting] = [:]
  }

  /// A claim of another process as it was seen.
  private struct Sighting {
    let identity: FileIdentity
    let time: (seconds: Int, nanoseconds: Int)
    let since: Double

    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      identity = FileIdentity(status)
      time = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      since = monotonicSeconds()
    }

    func isSame(as other: Sighting) -> Bool { identity == other.identity && time == other.time }
  }

  /// - Parameter patience: seconds after which a claim that was not renewed is taken over.
  init(patience: Double) throws {
    self.patience = patience
    try JobThread.start { [weak self] in
      while let claims = self {
        claims.renew()
        usleep(UInt32(patience / 8 * 1e6))
      }
    }
  }

  /// Whether the output is now this process's to make.
  /// - Throws: `Failure` where no file can be made beside it.
  func take(_ output: String) throws -> Bool {
    let path = Self.path(output)
    if try make(path) { return true }
    guard let now = Sighting(path) else { return try make(path) }
    let isStale = state.withLock { state in
      guard let before = state.seen[path], before.isSame(as: now) else {
        state.seen[path] = now
        return false
      }
      return now.since - before.since > patience
    }
    guard isStale, remove(path, if: now) else { return false }
    return try make(path)
  }

  func release(_ output: String) { release(path: Self.path(output)) }

  /// Whether some process has claimed the output, or had and was lost.
  func isClaimed(_ output: String) -> Bool { access(Self.path(output), F_OK) == 0 }

  func releaseAll() {
    for path in state.withLock({ Array($0.held.keys) }) { release(path: path) }
  }

  /// Takes away the claim of a process of this machine that is gone.
  static func remove(of output: String, heldBy process: pid_t) {
    let path = path(output)
    let text = FileBytes.ofRegularFile(path).map { String(decoding: $0, as: UTF8.self) }
    if text == holder(process) { unlink(path) }
  }

  /// What is in a claim, for people who wonder whose it is.
  private static func holder(_ process: pid_t) -> String { "\(ProcessName.host) \(process)\n" }

  /// What the names of claims begin with.
  static let prefix = ".rtool-claim-"

  static func path(_ output: String) -> String {
    let hash = String(stableHash(String(fileName(of: output))), radix: 16)
    return "\(folder(of: output))/\(prefix)\(hash)"
  }

  private func make(_ path: String) throws -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else {
      if errno == EEXIST { return false }
      throw Failure.failed("\(path) cannot be made, as --share needs: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    Terminal.write(Self.holder(getpid()), to: descriptor)
    var status = stat()
    fstat(descriptor, &status)
    let identity = FileIdentity(status)
    state.withLock {
      $0.held[path] = identity
      $0.seen[path] = nil
    }
    return true
  }

  private func release(path: String) {
    let identity = state.withLock { $0.held.removeValue(forKey: path) }
    // Where this process slept for long, it may be another's by now.
    if identity != nil, FileIdentity(path) == identity { unlink(path) }
  }

  /// Takes a claim away if it is still the one that was seen, which of several processes one alone can do.
  private func remove(_ path: String, if seen: Sighting) -> Bool {
    let aside = "\(path)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    guard rename(path, aside) == 0 else { return false }
    defer { unlink(aside) }
    if Sighting(aside)?.isSame(as: seen) == true { return true }
    // Another has taken it over meanwhile, and gets it back.
    link(aside, path)
    return false
  }

  private func renew() {
    for path in state.withLock({ Array($0.held.keys) }) { utimensat(AT_FDCWD, path, nil, 0) }
  }
}
