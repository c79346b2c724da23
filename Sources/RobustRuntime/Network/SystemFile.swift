import Glibc

/// The small files by which the system tells of itself.
package enum SystemFile {
  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, filled in
      count = read(descriptor, buffer.baseAddress!, buffer.count)
      filled = max(count, 0)
    }
    return count < 0 ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// The first word behind a name that begins a line, such as "MemAvailable:" of /proc/meminfo; nil: there is none.
  package static func field(_ name: String, of path: String) -> Substring? {
    text(path)?.split(separator: "\n").lazy.map { $0.split(whereSeparator: \.isWhitespace) }
      .first { $0.count > 1 && $0[0] == name }.map { $0[1] }
  }
}
