import FlyingFox
import FlyingSocks
import Foundation

/// A file that is read as it is sent. It is open already, so that its name can be gone.
package final class SentFile: AsyncBufferedSequence, Sendable {
  package typealias Element = UInt8

  let count: Int
  private let descriptor: Int32
  private let release: @Sendable () -> Void

  /// - Parameter release: is called when it is no longer needed.
  /// - Throws: `StudioError` where it cannot be read.
  init(_ path: String, release: @escaping @Sendable () -> Void = {}) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      if descriptor >= 0 { close(descriptor) }
      throw StudioError(.broken, "the result cannot be read: \(String(cString: strerror(errno)))")
    }
    count = Int(status.st_size)
    self.release = release
  }

  deinit {
    close(descriptor)
    release()
  }

  /// All that is wanted of what is there, so that pieces of a size can be joined; nil at the end.
  func read(at offset: Int, upTo most: Int) throws -> Data? {
    var data = Data(count: Swift.min(most, count - offset))
    if data.isEmpty { return nil }
    try data.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < bytes.count {
        let read = pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
        if read < 0, errno == EINTR { continue }
        guard read > 0 else { throw StudioError(.broken, "the result cannot be read") }
        done += read
      }
    }
    return data
  }

  package func makeAsyncIterator() -> Iterator { Iterator(file: self) }

  package struct Iterator: AsyncBufferedIteratorProtocol {
    fileprivate let file: SentFile
    private var offset = 0

    fileprivate init(file: SentFile) { self.file = file }

    package mutating func next() async throws -> UInt8? { try await nextBuffer(suggested: 1)?.first }

    package mutating func nextBuffer(suggested count: Int) async throws -> Data? {
      let data = try file.read(at: offset, upTo: count)
      offset += data?.count ?? 0
      return data
    }
  }
}
