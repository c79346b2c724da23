import CArchive

/// The members of an archive, from front to back, none of which is ever a file.
struct Archive: ~Copyable {
  enum Member {
    case photo(Place, [UInt8])
    case leftOut(problem: String)
    /// Nothing to tell of: other files, folders.
    case other
  }

  /// Bytes of a member that tell whether it is a picture.
  private static let headLength = 64

  private let path: String
  private let handle: OpaquePointer
  private let limit: Int
  private let isPicture: ([UInt8]) -> Bool
  private var folders: Set<String> = []
  private var parents: Set<String> = []
  private var classes: Set<String> = []
  private var membersRead = 0
  private var chunk = [UInt8](repeating: 0, count: 1 << 16)

  /// - Parameters:
  ///   - limit: the most bytes of a photo.
  ///   - isPicture: tells it from the first bytes, so that nothing else is read whole.
  /// Throws `libraryMissing`.
  init(_ path: String, limit: Int, isPicture: @escaping ([UInt8]) -> Bool) throws(DatasetError) {
    if let problem = carchive_load() {
      throw DatasetError(.libraryMissing, "\(path): \(String(cString: problem))")
    }
    guard let handle = carchive_open(path) else { throw DatasetError(.unreadable, "\(path): out of memory") }
    self.path = path
    self.handle = handle
    self.limit = limit
    self.isPicture = isPicture
  }

  deinit { carchive_close(handle) }

  /// Classes of which there should be photos, once all members have been read: those with photos, and folders
  /// with nothing in them.
  var expectedClasses: Set<String> {
    classes.union(folders.subtracting(parents).compactMap { $0.split(separator: "/").last.map(String.init) })
  }

  /// The next member; nil at the end. Throws `damagedArchive`.
  mutating func next(goesOn: () -> Bool) throws(DatasetError) -> Member? {
    let kind = carchive_next(handle)
    if kind == CARCHIVE_END { return nil }
    if kind == CARCHIVE_FAILED { throw damaged() }
    membersRead += 1
    guard let start = carchive_path(handle) else { return .leftOut(problem: "\(path): a member has no name") }
    let parts = String(cString: start).split(separator: "/").filter { $0 != "." && $0 != ".." }
    let shown = "\(path): \(String(cString: start))"
    guard let name = parts.last, !parts.contains(where: { FileName.isHidden($0) }) else { return .other }
    if kind == CARCHIVE_FOLDER {
      note(folder: parts[...])
      return .other
    }
    let folder = parts.dropLast()
    if !folder.isEmpty { note(folder: folder) }
    if FileName.isOther(name) { return .other }
    if kind == CARCHIVE_LINK {
      return .leftOut(problem: "\(shown): a link, which is not followed in an archive")
    }
    if kind != CARCHIVE_FILE { return .leftOut(problem: "\(shown): neither a file nor a folder") }
    guard let className = folder.last else {
      return .leftOut(problem: "\(shown): not in the folder of a class")
    }
    classes.insert(String(className))
    return try read(Place(className: String(className), file: String(name), shown: shown), goesOn)
  }

  private mutating func note(folder parts: ArraySlice<Substring>) {
    folders.insert(parts.joined(separator: "/"))
    for count in 1..<max(parts.count, 1) { parents.insert(parts.prefix(count).joined(separator: "/")) }
  }

  private mutating func read(_ place: Place, _ goesOn: () -> Bool) throws(DatasetError) -> Member {
    var bytes: [UInt8] = []
    var known = false
    while goesOn() {
      let got = carchive_read(handle, &chunk, chunk.count)
      if got < 0 {
        if carchive_is_broken(handle) != 0 { throw damaged() }
        return .leftOut(problem: "\(place.shown): \(String(cString: carchive_problem(handle)))")
      }
      if got == 0 { break }
      bytes += chunk[..<got]
      if !known, bytes.count >= Self.headLength {
        if !isPicture(bytes) { break }
        known = true
      }
      if bytes.count > limit {
        return .leftOut(problem: "\(place.shown): larger than \(limit >> 20) megabytes")
      }
    }
    return .photo(place, bytes)
  }

  private func damaged() -> DatasetError {
    let reason = String(cString: carchive_problem(handle)).split(separator: "\n").first ?? ""
    let place = membersRead == 0 ? "" : ", after \(membersRead) members"
    let advice =
      membersRead == 0
      ? "; a folder, an archive of CLASS/NAME or a list of lines path<TAB>class is expected"
      : "; get it again, or leave it out"
    return DatasetError(.damagedArchive, "\(path): the archive cannot be read\(place): \(reason)\(advice)")
  }
}
