import Glibc
import Imaging

/// The claims and reports in a folder of results and its subfolders.
struct ClaimSurvey {
  struct Claim: Encodable {
    let file: String
    /// The machine and process that it is of.
    let holder: String
    /// Seconds since it was renewed, by the clock of the file system.
    let age: Double
    let isStale: Bool
  }

  private(set) var claims: [Claim] = []
  private(set) var reports: [String] = []

  /// - Parameter patience: seconds without a renewal after which a claim is stale.
  /// - Throws: `Failure` where the folder cannot be read.
  init(folder: String, patience: Double) throws {
    guard access(folder, R_OK | X_OK) == 0 else {
      throw Failure.failed("the folder \(folder) cannot be read: \(String(cString: strerror(errno)))")
    }
    let now = Self.now(in: folder)
    var waiting = [folder.hasSuffix("/") ? folder : folder + "/"]
    while let path = waiting.popLast() {
      if Interrupt.isRequested { throw Failure.interrupted }
      for entry in entries(ofFolder: path) {
        let name = entry.name
        let file = path + name
        if name.hasPrefix(Claims.prefix) {
          guard let time = Self.time(of: file) else { continue }
          let text = FileBytes.ofRegularFile(file).map { String(decoding: $0, as: UTF8.self) } ?? ""
          let age = max(0, now - time)
          claims.append(
            Claim(
              file: file, holder: text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "?",
              age: age, isStale: age > patience))
        } else if name.hasSuffix(".jsonl") {
          reports.append(file)
        } else if !name.hasPrefix("."), entry.kind == .folder || entry.kind == nil && isFolder(file) {
          waiting.append(file + "/")
        }
      }
    }
  }

  /// The time of a file made now: the clocks of machines that share a folder may differ.
  private static func now(in folder: String) -> Double {
    let file = "\(folder)/.rtool-time-\(getpid())"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return secondsSince1970() }
    close(descriptor)
    defer { unlink(file) }
    return time(of: file) ?? secondsSince1970()
  }

  private static func time(of file: String) -> Double? {
    var status = stat()
    guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
  }
}
