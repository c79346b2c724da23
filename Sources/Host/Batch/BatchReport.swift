import Glibc
import Imaging
import RobustRuntime
import Synchronization

/// The file of --report: one line of JSON for each input, appended as it is done. Several processes may append to one.
final class BatchReport: Sendable {
  private let path: String
  private let descriptor: Int32
  private let lock = Mutex(())

  /// Opens the file, or makes it. A last line that was interrupted is taken away.
  init(_ path: String) throws {
    self.path = path
    let folder = folder(of: path)
    try OutputFolder.make(folder)
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0o666)
    guard descriptor >= 0 else {
      throw Failure.failed("the report \(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    flock(descriptor, LOCK_EX)
    defer { flock(descriptor, LOCK_UN) }
    var end = lseek(descriptor, 0, SEEK_END)
    let size = end
    var byte: UInt8 = 0
    while end > 0, pread(descriptor, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") { end -= 1 }
    if end < size { ftruncate(descriptor, end) }
  }

  /// Seconds of the inputs that a report names as done; lines that are none are passed over.
  static func secondsOfDone(_ path: String) -> [Double] {
    let text = FileBytes.ofRegularFile(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").compactMap { line in
      guard let members = (try? JSONValue(String(line)))?.object,
        members.contains(where: { $0.name == "status" && $0.value == .string("done") }),
        case .number(let seconds)? = members.first(where: { $0.name == "seconds" })?.value
      else { return nil }
      return seconds
    }
  }

  deinit { close(descriptor) }

  func add(_ line: BatchLine) throws {
    try lock.withLock { _ in
      flock(descriptor, LOCK_EX)
      defer { flock(descriptor, LOCK_UN) }
      guard Terminal.write(line.json + "\n", to: descriptor) else {
        throw Failure.failed("the report \(path) cannot be written: \(String(cString: strerror(errno)))")
      }
    }
  }
}
