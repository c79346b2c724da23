import Glibc

/// What tells processes apart that several machines run.
enum ProcessName {
  static let host: String = {
    var name = [CChar](repeating: 0, count: 256)
    return gethostname(&name, name.count - 1) == 0
      ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "?"
  }()

  /// The machine and the number of this process.
  static var own: String { "\(host) \(getpid())" }
}
