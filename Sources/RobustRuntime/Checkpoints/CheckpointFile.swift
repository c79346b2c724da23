import Glibc

/// A checkpoint's bytes.
public enum CheckpointFile {
  /// Calls `body` with the bytes of a file, mapped into memory. They are gone when it returns.
  /// - Throws: `CheckpointError` if the file cannot be read, or what `body` throws.
  public static func withBytes<Result>(
    of path: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let file = try map(path)
    return try withExtendedLifetime(file) { try body(file.bytes) }
  }

  /// A file mapped into memory.
  ///
  /// Nothing is copied, so whoever cuts the file short meanwhile ends the process (SIGBUS), as with any
  /// mapped file; that a file is replaced by renaming, as it should be, does no harm.
  /// - Throws: `CheckpointError` if the file cannot be read.
  static func map(_ path: String) throws -> LastingBytes {
    func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: path, problem: problem) }
    // Without O_NONBLOCK opening a pipe that nobody writes would wait for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw refuse(String(cString: strerror(errno))) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw refuse(String(cString: strerror(errno))) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw refuse("not a regular file") }
    let size = Int(facts.st_size)
    // An empty file cannot be mapped.
    guard size > 0 else { return LastingBytes(UnsafeRawBufferPointer(start: nil, count: 0)) }
    guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), memory != MAP_FAILED else {
      throw refuse(String(cString: strerror(errno)))
    }
    return LastingBytes(mapped: UnsafeRawBufferPointer(start: memory, count: size))
  }
}
