import Glibc

/// The folder of cache files, which several processes may use at once. Each file is one set of photos; files
/// that are being written have other names and are locked, so that what is left of a process that died can be
/// told.
struct CacheFolder {
  private static let ending = ".photos", partEnding = ".photos.part"

  let path: String
  /// The bytes of all files beyond which the oldest are removed.
  let limit: Int

  /// - Parameter path: nil takes rtool in $XDG_CACHE_HOME, else in ~/.cache.
  /// The folder is made if there is none. Throws `cache` or `diskFull`.
  init(_ path: String?, limit: Int) throws(DatasetError) {
    guard let path = path ?? Self.usual else {
      throw DatasetError(
        .cache, "there is no HOME folder to keep decoded photos in; name a folder with --cache")
    }
    self.path = path
    self.limit = limit
    var end = path.startIndex
    while let slash = path[end...].dropFirst().firstIndex(of: "/") {
      end = slash
      mkdir(String(path[..<slash]), 0o777)
    }
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw .cache(path, errno: errno) }
    var status = stat()
    guard stat(path, &status) == 0 else { throw .cache(path, errno: errno) }
    guard status.isFolder else { throw .cache(path, errno: ENOTDIR) }
  }

  private static var usual: String? {
    func folder(_ variable: String) -> String? {
      guard let value = getenv(variable) else { return nil }
      let path = String(cString: value)
      return path.hasPrefix("/") ? path : nil
    }
    return (folder("XDG_CACHE_HOME") ?? folder("HOME").map { $0 + "/.cache" }).map { $0 + "/rtool" }
  }

  /// The file of a set, mapped and marked as used now. nil if there is none, or none that is whole, which is
  /// removed.
  func open(_ key: String) -> (MappedFile, CacheHeader, CacheIndex)? {
    let path = file(key)
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard let contents = Self.contents(descriptor) else {
      unlink(path)
      return nil
    }
    futimens(descriptor, nil)
    return contents
  }

  static func contents(_ descriptor: Int32) -> (MappedFile, CacheHeader, CacheIndex)? {
    guard let mapped = MappedFile(descriptor: descriptor), let header = CacheHeader(mapped.bytes),
      let index = CacheIndex(mapped.bytes, header)
    else { return nil }
    return (mapped, header, index)
  }

  func file(_ key: String) -> String { "\(path)/\(key)\(Self.ending)" }

  /// A new file to be written and then moved to its place; nil while another process writes the same set.
  /// Throws `cache` or `diskFull`.
  func begin(_ key: String) throws(DatasetError) -> PendingCache? {
    let part = "\(path)/\(key)\(Self.partEnding)"
    let descriptor = Glibc.open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw .cache(part, errno: errno) }
    let pending = PendingCache(descriptor: descriptor, path: part, destination: file(key))
    // File systems without locks have no second process wait.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return nil }
    guard pending.isStillThere else { return nil }
    guard ftruncate(descriptor, 0) == 0 else { throw .cache(part, errno: errno) }
    return pending
  }

  /// Removes what processes that died have left, and the oldest files until the rest keeps the limit.
  func tidy(keeping key: String) {
    var files: [(path: String, used: (Int, Int), size: Int)] = []
    for name in names {
      let path = "\(path)/\(name)"
      if name.hasSuffix(Self.partEnding) {
        removeIfAbandoned(path)
      } else if name.hasSuffix(Self.ending) {
        var status = stat()
        guard lstat(path, &status) == 0, status.isFile else { continue }
        files.append((path, (status.st_mtim.tv_sec, status.st_mtim.tv_nsec), Int(status.st_size)))
      }
    }
    var sum = files.reduce(0) { $0 + $1.size }
    for file in files.sorted(by: { $0.used < $1.used }) where file.path != self.file(key) {
      if sum <= limit { break }
      if unlink(file.path) == 0 { sum -= file.size }
    }
  }

  private func removeIfAbandoned(_ path: String) {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    close(descriptor)
  }

  private var names: [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { names.append(String(cString: $0)) }
      }
    }
    return names
  }
}

/// A cache file that is being written: removed unless it is finished.
final class PendingCache: @unchecked Sendable {
  let descriptor: Int32
  let path: String
  private let destination: String
  private var isOurs = false

  init(descriptor: Int32, path: String, destination: String) {
    (self.descriptor, self.path, self.destination) = (descriptor, path, destination)
  }

  /// Whether the file that was opened is still the one of its name: another process may have moved it.
  var isStillThere: Bool {
    var (named, opened) = (stat(), stat())
    isOurs =
      stat(path, &named) == 0 && fstat(descriptor, &opened) == 0
      && (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
    return isOurs
  }

  deinit {
    if isOurs { unlink(path) }
    close(descriptor)
  }

  /// Makes the file last and moves it to its place. Throws `cache` or `diskFull`.
  func finish() throws(DatasetError) {
    guard fsync(descriptor) == 0, rename(path, destination) == 0 else { throw .cache(path, errno: errno) }
    isOurs = false
  }
}
