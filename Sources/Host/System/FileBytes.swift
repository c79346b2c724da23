import Glibc
import Imaging

/// The bytes of files, whole.
enum FileBytes {
  /// nil: there is no regular file of that name that can be read. Nothing that could block is waited for.
  static func ofRegularFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return all(of: descriptor, expected: Int(status.st_size))
  }

  /// What comes out of a pipe with a name, or of anything else that can be read to its end; nil: it cannot be opened.
  static func ofPipe(_ path: String) -> [UInt8]? {
    WaitingInput.during {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      return all(of: descriptor, expected: 0)
    }
  }

  static func ofStandardInput() -> [UInt8]? {
    WaitingInput.during(reading: STDIN_FILENO) { all(of: STDIN_FILENO, expected: 0) }
  }

  /// Makes a new file; what is there already is not touched.
  static func write(_ bytes: [UInt8], toNewFile path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw Failure.failed("\(path) cannot be made: \(String(cString: strerror(errno)))")
    }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      done += count
    }
    let code = errno
    guard close(descriptor) == 0, done == bytes.count else {
      throw Failure.failed("\(path) cannot be written: \(String(cString: strerror(code)))")
    }
  }

  private static func all(of descriptor: Int32, expected: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expected + 1)
    let chunk = 1 << 20
    while true {
      var got = 0
      let part = [UInt8](unsafeUninitializedCapacity: chunk) { buffer, filled in
        repeat { got = read(descriptor, buffer.baseAddress!, chunk) } while got < 0 && errno == EINTR
        filled = max(got, 0)
      }
      if got < 0 { return nil }
      if got == 0 { return bytes }
      bytes += part
    }
  }
}
