import Glibc

/// One of the things that a set of photos is made from.
enum DataSource {
  /// A folder or a list file, of which the files are known.
  case listing(Listing)
  /// A file of which libarchive will say what it is.
  case archive(path: String)

  /// Throws `unreadable` or `badList`.
  init(_ path: String) throws(DatasetError) {
    var status = stat()
    guard !path.isEmpty, !path.utf8.contains(0) else { throw .reading("'\(path)'", errno: ENOENT) }
    guard stat(path, &status) == 0 else { throw .reading(path, errno: errno) }
    if status.isFolder {
      self = .listing(try Listing(folder: path))
    } else if !status.isFile {
      throw DatasetError(
        .unreadable,
        "\(path): neither a file nor a folder; a folder, an archive or a list of files is expected")
    } else if try isText(path) {
      self = .listing(try Listing(listFile: path))
    } else {
      self = .archive(path: path)
    }
  }

  /// What changes when the data do; the path is part of it. Throws `unreadable`.
  func fingerprint(path: String) throws(DatasetError) -> String {
    guard let resolved = realpath(path, nil) else { throw .reading(path, errno: errno) }
    defer { free(resolved) }
    let place = String(cString: resolved)
    switch self {
    case .listing(let listing):
      return "files\t\(place)\n" + listing.fingerprint.joined(separator: "\n")
    case .archive(let path):
      var status = stat()
      guard stat(path, &status) == 0 else { throw .reading(path, errno: errno) }
      return "archive\t\(place)\t\(stamp(status))"
    }
  }

  /// Photos to be decoded, where that is known beforehand.
  var count: Int? {
    if case .listing(let listing) = self { listing.files.count } else { nil }
  }
}

/// Whether a file begins like text, which no archive does.
private func isText(_ path: String) throws(DatasetError) -> Bool {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw .reading(path, errno: errno) }
  defer { close(descriptor) }
  var head = [UInt8](repeating: 0, count: 4096)
  let got = read(descriptor, &head, head.count)
  guard got >= 0 else { throw .reading(path, errno: errno) }
  if got == 0 { throw DatasetError(.unreadable, "\(path): it is empty") }
  let bytes = head.prefix(got)
  if bytes.contains(0) { return false }
  // A character may be cut at the end; what has no tab in so many bytes is no list.
  let text = String(decoding: bytes, as: UTF8.self)
  return bytes.contains(UInt8(ascii: "\t")) && !text.dropLast().unicodeScalars.contains("\u{FFFD}")
}
