import Glibc

/// What a file was when it was read.
struct FileVersion: Hashable {
  let path: String
  let device, inode, size, seconds, nanoseconds: Int

  /// - Throws: `Failure` where there is none.
  init(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Failure.failed("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    self.path = path
    (device, inode, size) = (Int(status.st_dev), Int(status.st_ino), Int(status.st_size))
    (seconds, nanoseconds) = (Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec))
  }
}
