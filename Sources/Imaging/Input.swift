import Glibc

/// Where an image comes from.
public enum Input: Sendable {
  /// A file, or anything else that can be opened and read to its end, such as a pipe.
  case file(String)
  case standardInput
  /// The bytes of a file; the name is for messages.
  case bytes([UInt8], name: String)
  /// A file in memory, to be opened more than once.
  case opened(OpenedFile)

  /// Its name in messages.
  public var name: String {
    switch self {
    case .file(let path): path
    case .standardInput: "standard input"
    case .bytes(_, let name): name
    case .opened(let file): file.name
    }
  }

  /// This input with its bytes in memory, to be opened more than once. Throws what `SourceImage.open` throws.
  public func loaded(_ limits: Limits) throws(ImagingError) -> Input {
    .opened(OpenedFile(try read(limits), name: name))
  }

  var openedFile: OpenedFile? { if case .opened(let file) = self { file } else { nil } }

  func digest(of bytes: [UInt8]) throws(ImagingError) -> String {
    if let openedFile { return try openedFile.digest() }
    return try Imaging.digest(of: bytes)
  }

  /// All its bytes. Stops early when the first ones are those of no known format.
  func read(_ limits: Limits) throws(ImagingError) -> [UInt8] {
    switch self {
    case .bytes(let bytes, _):
      try check(bytes, ended: true, limits)
      return bytes
    case .opened(let file): return file.bytes
    case .standardInput:
      return try awaited(descriptor: STDIN_FILENO, limits)
    case .file(let path):
      guard !path.utf8.contains(0) else { throw .reading(name, errno: ENOENT) }
      let descriptor = opened(path)
      guard descriptor >= 0 else { throw .reading(path, errno: errno) }
      defer { close(descriptor) }
      return try awaited(descriptor: descriptor, limits)
    }
  }

  private func opened(_ path: String) -> Int32 {
    let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY
    var status = stat()
    let isPipe = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    // A pipe with a name is opened when somebody writes into it.
    return isPipe ? WaitingInput.during { open(path, flags) } : open(path, flags)
  }

  private func awaited(descriptor: Int32, _ limits: Limits) throws(ImagingError) -> [UInt8] {
    try WaitingInput.during(reading: descriptor) { () throws(ImagingError) in
      try read(descriptor: descriptor, limits)
    }
  }

  private func read(descriptor: Int32, _ limits: Limits) throws(ImagingError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .reading(name, errno: errno) }
    if status.st_mode & S_IFMT == S_IFDIR { throw .reading(name, errno: EISDIR) }
    let expected = status.st_mode & S_IFMT == S_IFREG ? max(Int(status.st_size), 0) : 0
    if expected > limits.maxBytes { throw tooLong(limits) }
    var bytes: [UInt8] = []
    // One byte more than expected, so that the end is seen without growing.
    bytes.reserveCapacity(expected + 1)
    var chunk = max(65536, min(expected + 1, 1 << 24))
    var known = false
    while true {
      let count = try append(upTo: chunk, from: descriptor, to: &bytes)
      if count == 0 { break }
      if !known, bytes.count >= 64 {
        try check(bytes, ended: false, limits)
        known = true
      }
      if bytes.count > limits.maxBytes { throw tooLong(limits) }
      chunk = max(65536, min(1 << 24, max(expected + 1 - bytes.count, 65536)))
    }
    try check(bytes, ended: true, limits)
    return bytes
  }

  /// Reads once; 0 at the end.
  private func append(upTo count: Int, from descriptor: Int32, to bytes: inout [UInt8]) throws(ImagingError)
    -> Int
  {
    var failure: Int32 = 0
    let part = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var got = Glibc.read(descriptor, buffer.baseAddress!, count)
      while got < 0, errno == EINTR { got = Glibc.read(descriptor, buffer.baseAddress!, count) }
      if got < 0 { failure = errno }
      filled = max(got, 0)
    }
    guard failure == 0 else { throw .reading(name, errno: failure) }
    bytes += part
    return part.count
  }

  private func check(_ bytes: [UInt8], ended: Bool, _ limits: Limits) throws(ImagingError) {
    if bytes.isEmpty {
      throw ImagingError(.notAnImage, name, "it is empty")
    }
    if Format(sniffing: bytes) == nil {
      throw ImagingError(.notAnImage, name, "not a picture that can be read (\(Format.list))")
    }
    if bytes.count > limits.maxBytes { throw tooLong(limits) }
  }

  private func tooLong(_ limits: Limits) -> ImagingError {
    ImagingError(
      .tooLarge, name,
      "more than \(limits.maxBytes >> 20) megabytes, more than a picture of \(limits.maxPixels) pixels "
        + "needs (raise the limit with --max-pixels)")
  }
}
