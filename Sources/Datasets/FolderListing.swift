import Glibc

extension Listing {
  /// The deepest that folders may lie in each other.
  private static let depth = 32

  /// Lists a folder of class folders. The class of a file is the folder that it lies in, however deep; links
  /// to files and folders are followed. Throws `unreadable` where a folder cannot be read.
  init(folder: String) throws(DatasetError) {
    self.init()
    var ancestors: [stat] = []
    try walk(Array(folder.utf8CString), className: nil, &ancestors)
  }

  private mutating func walk(_ path: SystemPath, className: String?, _ ancestors: inout [stat])
    throws(DatasetError)
  {
    let (names, own) = try contents(path)
    ancestors.append(own)
    defer { ancestors.removeLast() }
    var (hasFolders, hasFiles) = (false, false)
    for name in names {
      let shortName = text(of: name)
      if FileName.isHidden(shortName) { continue }
      let inside = path.dropLast() + [CChar(UInt8(ascii: "/"))] + name
      let shown = text(of: inside)
      var status = stat()
      guard stat(inside, &status) == 0 else {
        leaveOut("\(shown): \(errno == ENOENT ? "the link leads nowhere" : plainWords(errno: errno))")
        continue
      }
      if status.isFolder {
        hasFolders = true
        if ancestors.contains(where: { ($0.st_dev, $0.st_ino) == (status.st_dev, status.st_ino) }) {
          leaveOut("\(shown): the link leads to a folder that it lies in")
        } else if ancestors.count >= Self.depth {
          leaveOut("\(shown): more than \(Self.depth) folders in each other")
        } else {
          try walk(inside, className: shortName, &ancestors)
        }
      } else if FileName.isOther(shortName) {
        continue
      } else if !status.isFile {
        leaveOut("\(shown): neither a file nor a folder")
      } else if let className {
        hasFiles = true
        add(Place(className: className, file: shortName, shown: shown), inside, status)
      } else {
        leaveOut("\(shown): not in the folder of a class")
      }
    }
    if let className, hasFiles || !hasFolders { expect(className) }
  }
}

/// The names in a folder, sorted by their bytes, and what the folder is.
private func contents(_ path: SystemPath) throws(DatasetError) -> (names: [SystemPath], status: stat) {
  guard let stream = opendir(path) else { throw .reading(text(of: path), errno: errno) }
  defer { closedir(stream) }
  var status = stat()
  guard fstat(dirfd(stream), &status) == 0 else { throw .reading(text(of: path), errno: errno) }
  var names: [SystemPath] = []
  errno = 0
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { start in
        SystemPath(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
      }
    }
    names.append(name)
    errno = 0
  }
  guard errno == 0 else { throw .reading(text(of: path), errno: errno) }
  names.sort { a, b in
    a.lazy.map(UInt8.init(bitPattern:)).lexicographicallyPrecedes(b.lazy.map(UInt8.init(bitPattern:)))
  }
  return (names, status)
}
