import Foundation
import Synchronization

/// Temporary folders, one for each request, in a folder of this server's own. Those of servers that were killed are removed
/// at the start of the next one.
final class RequestFolders: Sendable {
  /// The folder of one request.
  final class Folder: Sendable {
    let path: String
    private let remaining: Space

    fileprivate init(_ path: String, _ space: Space) { (self.path, remaining) = (path, space) }

    /// Counts bytes that will be written here.
    /// - Throws: `StudioError` where all requests together would have too many.
    func claim(_ bytes: Int) throws { try remaining.claim(bytes, for: path) }

    deinit { remaining.remove(path) }
  }

  /// What all folders together take.
  fileprivate final class Space: Sendable {
    private let taken = Mutex<(all: Int, of: [String: Int])>((0, [:]))
    private let most: Int

    init(_ most: Int) { self.most = most }

    func claim(_ bytes: Int, for path: String) throws {
      let isFree = taken.withLock { taken in
        guard bytes <= most - taken.all else { return false }
        taken.all += bytes
        taken.of[path, default: 0] += bytes
        return true
      }
      guard isFree else {
        throw StudioError(
          .unavailable,
          "the requests that are being worked on take all the space that they may; try again later")
      }
    }

    func remove(_ path: String) {
      try? FileManager.default.removeItem(atPath: path)
      taken.withLock { taken in taken.all -= taken.of.removeValue(forKey: path) ?? 0 }
    }
  }

  private let path: String
  /// Held as long as this process lives, so that others know that the folder is in use.
  private let lock: Int32
  private let space: Space
  private let count = Atomic<Int>(0)

  /// - Parameters:
  ///   - parent: a folder of this user alone, which is made if it is not there.
  ///   - most: bytes that all requests together may hand in.
  /// - Throws: `StudioError` where it cannot be used.
  init(in parent: String, most: Int) throws {
    let failure = { (why: String) in
      StudioError(.failed, "the folder \(parent) for requests \(why); name another one with TMPDIR")
    }
    if mkdir(parent, 0o700) != 0, errno != EEXIST {
      throw failure("cannot be made: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard lstat(parent, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0
    else { throw failure("is not a folder of this user alone") }
    Self.removeLeftovers(in: parent)
    var template = Array("\(parent)/server-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw failure("cannot be written to: \(String(cString: strerror(errno)))")
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw failure("cannot be locked") }
    space = Space(most)
  }

  deinit {
    removeAll()
    close(lock)
  }

  /// - Throws: `StudioError` where none can be made.
  func make() throws -> Folder {
    let number = count.add(1, ordering: .relaxed).newValue
    let path = "\(path)/\(number)"
    guard mkdir(path, 0o700) == 0 else {
      throw StudioError.writing("a folder for the request", errno: errno)
    }
    return Folder(path, space)
  }

  /// Removes all that there is, at the end of the process.
  func removeAll() { try? FileManager.default.removeItem(atPath: path) }

  private static func removeLeftovers(in parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    where name.hasPrefix("server-") {
      let path = "\(parent)/\(name)"
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}

extension StudioError {
  /// The failure of a system call that writes.
  static func writing(_ name: String, errno code: Int32) -> StudioError {
    switch code {
    case ENOSPC, EDQUOT:
      StudioError(.diskFull, "\(name) cannot be written: the disk is full; nothing was done")
    default: StudioError(.broken, "\(name) cannot be written: \(String(cString: strerror(code)))")
    }
  }
}
