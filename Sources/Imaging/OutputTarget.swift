import Glibc

/// An output, looked at before anything is computed: what is bound to fail is refused early.
struct OutputTarget {
  enum Kind {
    /// A regular file, or one to be: its path without symbolic links.
    case replacing(String)
    /// A regular file that nobody else may have made meanwhile.
    case making(String)
    /// Opened and written into.
    case device(String)
    /// Already open.
    case descriptor(Int32)
  }

  let name: String
  let kind: Kind

  init(_ output: Output) throws(ImagingError) {
    name = output.name
    switch output {
    case .standardOutput: kind = .descriptor(STDOUT_FILENO)
    case .newFile(let path):
      guard !path.isEmpty, !path.utf8.contains(0) else { throw .writing(name, errno: ENOENT) }
      kind = .making(path)
    case .file(let path):
      if let descriptor = openDescriptor(path) {
        kind = .descriptor(descriptor)
        return
      }
      guard !path.isEmpty, !path.utf8.contains(0) else { throw .writing(name, errno: ENOENT) }
      var status = stat()
      if stat(path, &status) != 0 {
        guard errno == ENOENT, !path.hasSuffix("/") else { throw .writing(name, errno: errno) }
        kind = .replacing(try withoutLinks(path))
      } else {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .replacing(try withoutLinks(path))
        case S_IFDIR: throw .writing(name, errno: EISDIR)
        default: kind = .device(path)
        }
      }
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ImagingError) {
    switch kind {
    case .replacing(let path): try replaceFile(path, with: bytes, name: name)
    case .making(let path): try replaceFile(path, with: bytes, name: name, isNew: true)
    case .descriptor(let descriptor):
      if let code = writeAll(bytes, to: descriptor) { throw .writing(name, errno: code) }
    case .device(let path):
      let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
      guard descriptor >= 0 else { throw .writing(name, errno: errno) }
      defer { close(descriptor) }
      if let code = writeAll(bytes, to: descriptor) { throw .writing(name, errno: code) }
    }
  }
}

/// The descriptor that a path such as /dev/stdout or /dev/fd/3 stands for. Opening it anew would lose the
/// position in a file that the shell has redirected it to.
private func openDescriptor(_ path: String) -> Int32? {
  switch path {
  case "/dev/stdout": return STDOUT_FILENO
  case "/dev/stderr": return STDERR_FILENO
  default:
    for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
      return Int32(path.dropFirst(folder.count))
    }
    return nil
  }
}

/// The file that a path leads to over symbolic links, whether or not it exists.
private func withoutLinks(_ path: String) throws(ImagingError) -> String {
  var current = path
  for _ in 0..<40 {
    guard let target = linkTarget(current) else { return current }
    current = target.hasPrefix("/") ? target : folder(of: current) + "/" + target
  }
  throw .writing(path, errno: ELOOP)
}

private func linkTarget(_ path: String) -> String? {
  let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
    let length = buffer.withMemoryRebound(to: CChar.self) { readlink(path, $0.baseAddress!, $0.count) }
    count = max(length, 0)
  }
  return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
}

/// "a/b/c.png" -> "a/b", "c.png" -> ".", "/c.png" -> "/"
public func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
