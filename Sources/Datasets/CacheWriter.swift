import Glibc
import Synchronization

/// Collects decoded photos in a cache file, from several threads at once.
final class CacheWriter: Sendable {
  private struct State {
    var end = CacheHeader.length
    var records: [(className: String, record: PhotoRecord)] = []
    var problems: [String] = []
    var failure: Int32?
  }

  private let file: PendingCache
  private let state = Mutex(State())

  init(_ file: PendingCache) { self.file = file }

  /// Photos that were decoded or left out.
  var count: Int { state.withLock { $0.records.count + $0.problems.count } }

  /// The error number of a write that failed.
  var failure: Int32? { state.withLock { $0.failure } }

  func add(_ record: PhotoRecord, className: String, pixels: [UInt8]) {
    var record = record
    record.offset = state.withLock { state in
      defer { state.end += pixels.count }
      return state.end
    }
    let code = pixels.withUnsafeBytes { write($0, at: record.offset) }
    state.withLock { state in
      state.records.append((className, record))
      if let code { state.failure = code }
    }
  }

  func leaveOut(_ problem: String) {
    state.withLock { $0.problems.append(problem) }
  }

  /// Writes the index and the header. The order of photos depends on their names and contents alone; what has
  /// the name and the content of another is kept once.
  ///
  /// - Parameter expected: classes that must have photos.
  /// Throws `tooFewClasses`, `emptyClass`, `cache` or `diskFull`.
  func finish(side: Int, expected: Set<String>, minimumClasses: Int) throws(DatasetError) {
    let (records, problems, indexStart, failure) = state.withLock { state in
      (state.records, state.problems.sorted { $0.precedes($1) }, state.end, state.failure)
    }
    if let failure { throw .cache(file.path, errno: failure) }
    let found = Set(records.map(\.className))
    try check(found, expected, problems, minimumClasses)
    let classes = found.sorted { $0.precedes($1) }
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var sorted = records.map { className, record in
      var record = record
      record.classIndex = places[className] ?? 0
      return record
    }
    sorted.sort { a, b in
      if a.classIndex != b.classIndex { return a.classIndex < b.classIndex }
      return a.name == b.name ? a.digest.precedes(b.digest) : a.name.precedes(b.name)
    }
    var unique: [PhotoRecord] = []
    for record in sorted where unique.last?.name != record.name || unique.last?.digest != record.digest {
      unique.append(record)
    }
    let index = CacheIndex(classes: classes, problems: problems, records: unique).bytes
    var hash = FNV()
    hash.add(index)
    let header = CacheHeader(
      photos: unique.count, classes: classes.count, problems: problems.count, indexStart: indexStart,
      length: indexStart + index.count, side: side, indexHash: hash.value)
    let code =
      index.withUnsafeBytes { write($0, at: indexStart) } ?? header.bytes.withUnsafeBytes { write($0, at: 0) }
    if let code { throw .cache(file.path, errno: code) }
  }

  private func check(_ found: Set<String>, _ expected: Set<String>, _ problems: [String], _ minimum: Int)
    throws(DatasetError)
  {
    let reason = problems.first.map { " (\($0))" } ?? ""
    if found.isEmpty, minimum > 0 {
      throw DatasetError(.tooFewClasses, "there are no photos in folders of classes\(reason)")
    }
    if let empty = expected.subtracting(found).min(by: { $0.precedes($1) }) {
      let own = problems.first { $0.contains("/\(empty)/") }.map { " (\($0))" } ?? ""
      throw DatasetError(
        .emptyClass, "class '\(empty)' has no photo that can be read\(own): add some or remove its folder")
    }
    if found.count < minimum {
      throw DatasetError(
        .tooFewClasses,
        "all photos are of one class, '\(found.first ?? "")', and \(minimum) are needed\(reason): "
          + "a folder with a folder of photos for each class is expected")
    }
  }

  /// nil, or the error number.
  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32? {
    var done = 0
    while done < bytes.count {
      let count = pwrite(file.descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      if count < 0 { return errno }
      if count == 0 { return EIO }
      done += count
    }
    return nil
  }
}
