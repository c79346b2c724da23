import Glibc

/// Bytes that stay where they are for as long as this lives.
package final class LastingBytes: @unchecked Sendable {
  package let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// - Parameter bytes: are there for good.
  package init(_ bytes: UnsafeRawBufferPointer) { (self.bytes, isMapped) = (bytes, false) }

  /// A mapped file, which is unmapped at the end.
  init(mapped bytes: UnsafeRawBufferPointer) { (self.bytes, isMapped) = (bytes, true) }

  deinit {
    guard isMapped, let start = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
  }

  /// Gives back the memory of a part that will hardly be read again; if it is, the file is.
  func release(_ part: UnsafeRawBufferPointer) {
    guard isMapped, !part.isEmpty, let start = part.baseAddress else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let (first, end) = (Int(bitPattern: start) / page * page, Int(bitPattern: start) + part.count)
    // Only a hint, so it may fail.
    madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_DONTNEED)
  }
}
