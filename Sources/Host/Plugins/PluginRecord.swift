import Glibc
import Imaging

/// What trials of plugins found, kept so that a plugin is tried once and not whenever the program starts: a small file for
/// each, in a folder that several processes may use at once. A folder that cannot be written is no error.
struct PluginRecord {
  /// More records than anyone has plugins: old ones are removed then.
  private static let most = 256
  /// How long it is believed that a plugin does not come back: the machine may have been busy.
  private static let secondsLate = 600

  private let path: String
  /// Stands before the verdict: what else it depends on, and which the name of the file cannot tell.
  private let heading: String

  /// nil: there is no folder, or no such plugin.
  init?(_ candidate: PluginSearch.Candidate) {
    guard let caches = Installation.cacheFolder, let file = Self.identity(of: candidate.path),
      let program = Self.identity(of: Installation.program)
    else { return nil }
    path = "\(caches)/plugins/\(file)"
    heading = "\(candidate.name) for rtool \(program)\n"
  }

  /// Device, inode, size, and the times of the last change of content and of anything.
  private static func identity(of path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    let (content, change) = (status.st_mtim, status.st_ctim)
    return "\(status.st_dev)-\(status.st_ino)-\(status.st_size)-\(content.tv_sec).\(content.tv_nsec)"
      + "-\(change.tv_sec).\(change.tv_nsec)"
  }

  /// nil: it is not known, or not any more.
  var verdict: PluginVerdict? {
    guard let bytes = FileBytes.ofRegularFile(path), bytes.count < 1 << 16 else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.hasPrefix(heading), let verdict = PluginVerdict(text.dropFirst(heading.count)) else {
      return nil
    }
    if verdict == .late {
      var status = stat()
      guard stat(path, &status) == 0, time(nil) - status.st_mtim.tv_sec < Self.secondsLate else { return nil }
    }
    return verdict
  }

  func keep(_ verdict: PluginVerdict) {
    let place = folder(of: path)
    makeFolders(place)
    let records = contents(ofFolder: place)
    if records.count >= Self.most { for record in records { unlink("\(place)/\(record)") } }
    let part = "\(place)/.\(getpid())"
    unlink(part)
    do {
      try FileBytes.write(Array((heading + verdict.text).utf8), toNewFile: part)
    } catch {
      unlink(part)
      return
    }
    if rename(part, path) != 0 { unlink(part) }
  }

  private func makeFolders(_ place: String) {
    if mkdir(place, 0o700) == 0 || errno != ENOENT { return }
    let parent = folder(of: place)
    if parent == place { return }
    makeFolders(parent)
    mkdir(place, 0o700)
  }
}
