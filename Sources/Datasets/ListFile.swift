import Glibc

extension Listing {
  /// Lists what the lines of a file name: a path, relative to the file's folder or absolute, a tab, and a
  /// class. Empty lines are passed over. Throws `unreadable` or `badList`.
  init(listFile path: String) throws(DatasetError) {
    self.init()
    let bytes = try contents(ofFile: path)
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var lines = bytes[...]
    if lines.starts(with: [0xEF, 0xBB, 0xBF]) { lines = lines.dropFirst(3) }
    for (index, line) in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if line.allSatisfy({ $0 == UInt8(ascii: " ") }) { continue }
      let problem = { (text: String) in DatasetError(.badList, "\(path), line \(index + 1): \(text)") }
      guard let tab = line.lastIndex(of: UInt8(ascii: "\t")), tab > line.startIndex else {
        throw problem("a path, a tab and a class are expected")
      }
      let className = String(decoding: line[(tab + 1)...], as: UTF8.self)
      guard !className.isEmpty, !className.contains("/"), !FileName.isHidden(className) else {
        throw problem("'\(className)' is no name of a class: no slash, no dot in front, not empty")
      }
      let name = line[..<tab]
      guard !name.contains(0) else { throw problem("a path has no zero byte") }
      let prefix = name.first == UInt8(ascii: "/") ? "" : folder
      add(line: SystemPath((Array(prefix.utf8) + name + [0]).map(CChar.init(bitPattern:))), className)
    }
  }

  private mutating func add(line path: SystemPath, _ className: String) {
    let shown = text(of: path)
    let file = shown.lastIndex(of: "/").map { String(shown[shown.index(after: $0)...]) } ?? shown
    var status = stat()
    expect(className)
    if stat(path, &status) != 0 {
      leaveOut("\(shown): \(plainWords(errno: errno))")
    } else if !status.isFile {
      leaveOut("\(shown): not a file")
    } else {
      add(Place(className: className, file: file, shown: shown), path, status)
    }
  }
}

/// All bytes of a regular file, with no more than so many.
func contents(ofFile path: String, limit: Int = 1 << 30) throws(DatasetError) -> [UInt8] {
  switch bytes(ofFile: Array(path.utf8CString), limit: limit) {
  case .success(let bytes): return bytes
  case .failure(let problem): throw DatasetError(.unreadable, "\(path): \(problem.text)")
  }
}

struct ReadingProblem: Error {
  let text: String
}

/// All bytes of a regular file; nothing that could block is waited for.
func bytes(ofFile path: SystemPath, limit: Int) -> Result<[UInt8], ReadingProblem> {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
  guard descriptor >= 0 else { return .failure(ReadingProblem(text: plainWords(errno: errno))) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    return .failure(ReadingProblem(text: plainWords(errno: errno)))
  }
  guard status.isFile else { return .failure(ReadingProblem(text: "not a file")) }
  guard status.st_size <= limit else {
    return .failure(ReadingProblem(text: "larger than \(limit >> 20) megabytes"))
  }
  let expected = Int(status.st_size)
  var code: Int32 = 0
  // A file that grows meanwhile is read as far as it was long.
  let bytes = [UInt8](unsafeUninitializedCapacity: expected) { buffer, filled in
    while filled < expected {
      let got = read(descriptor, buffer.baseAddress! + filled, expected - filled)
      if got < 0, errno == EINTR { continue }
      if got < 0 { code = errno }
      if got <= 0 { break }
      filled += got
    }
  }
  return code == 0 ? .success(bytes) : .failure(ReadingProblem(text: plainWords(errno: code)))
}
