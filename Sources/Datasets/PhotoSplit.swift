/// The parts of a set, as sorted indices of photos.
public struct PhotoSplit: Sendable, Equatable {
  /// Trained on.
  public let training: [Int]
  /// Chooses between states of training.
  public let selection: [Int]
  /// Measures what is reported.
  public let report: [Int]

  /// All that is not trained on, sorted.
  public var heldOut: [Int] { (selection + report).sorted() }
}

extension PhotoSet {
  /// Holds a share of the photos out, by their names: the same name always goes to the same part, whatever
  /// other photos there are.
  ///
  /// The number of a name is FNV-1a (64 bits) of the UTF-8 of CLASS/NAME, mixed once more by the last steps
  /// of MurmurHash3, which are those of `mixed`. Its upper 53 bits, as a fraction of 1, are below `share` for
  /// photos that are held out; its lowest bit is 0 for those of the selection and 1 for those of the report.
  /// Exact copies of a file go with the first of them, so that the parts have no file in common, and each
  /// class keeps a photo to train on.
  ///
  /// - Parameters:
  ///   - share: 0...1.
  ///   - groups: photos that go with the first of their group as well, such as those of `nearCopies`.
  public func split(heldOut share: Double, together groups: [[Int]] = []) -> PhotoSplit {
    var copies: [Digest: Int] = [:]
    let originals = records.enumerated().map { i, record -> Int in
      let original = copies[record.digest] ?? i
      copies[record.digest] = original
      return original
    }
    var leaders = Array(records.indices)
    for group in groups {
      guard let leader = group.map({ originals[$0] }).min() else { continue }
      for i in group { leaders[originals[i]] = leader }
    }
    let first = originals.map { leaders[$0] }
    var numbers = first.map { number(of: records[$0].name) }
    func isHeldOut(_ i: Int) -> Bool { numbers[i] != .max && Double(numbers[i] >> 11) * 0x1p-53 < share }
    let ofClass = Dictionary(grouping: records.indices, by: { records[$0].classIndex })
    for photos in classes.indices.compactMap({ ofClass[$0] }) where photos.allSatisfy(isHeldOut) {
      guard let last = photos.max(by: { numbers[$0] < numbers[$1] }) else { continue }
      // All bits set: trained on, whatever the share.
      for i in records.indices where first[i] == first[last] { numbers[i] = .max }
    }
    var parts: ([Int], [Int], [Int]) = ([], [], [])
    for i in records.indices {
      if !isHeldOut(i) {
        parts.0.append(i)
      } else if numbers[i] & 1 == 0 {
        parts.1.append(i)
      } else {
        parts.2.append(i)
      }
    }
    return PhotoSplit(training: parts.0, selection: parts.1, report: parts.2)
  }

  /// Throws `sharedPhotos` when a file is both here and in another set, whatever its name.
  public func requireNoneShared(with test: PhotoSet) throws(DatasetError) {
    let own = Dictionary(records.map { ($0.digest, $0.name) }, uniquingKeysWith: { first, _ in first })
    let shared = test.records.filter { own[$0.digest] != nil }
    guard let first = shared.first, let name = own[first.digest] else { return }
    let more = shared.count > 1 ? ", and \(shared.count - 1) more" : ""
    throw DatasetError(
      .sharedPhotos,
      "\(first.name) of the test photos is the same file as \(name) of the training photos\(more): "
        + "leave it out of one of them")
  }

  /// This set as a model sees it that knows other classes.
  public func restricted(toClasses names: [String]) -> RestrictedPhotos {
    let known = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let indices = records.indices.filter { known[classes[records[$0].classIndex]] != nil }
    return RestrictedPhotos(
      indices: indices, labels: indices.map { known[classes[records[$0].classIndex]] ?? 0 },
      unknown: classes.filter { known[$0] == nil },
      missing: names.filter { !classes.contains($0) })
  }
}

/// The photos of a set whose classes a model knows.
public struct RestrictedPhotos: Sendable, Equatable {
  /// Places of the photos in the set, ascending.
  public let indices: [Int]
  /// The class of each of these, as an index among the model's.
  public let labels: [Int]
  /// Classes of the set that the model does not know.
  public let unknown: [String]
  /// Classes of the model of which the set has no photos.
  public let missing: [String]
}

/// The number that decides about a photo of this name.
private func number(of name: String) -> UInt64 {
  var hash = FNV()
  hash.add(name.utf8)
  return mixed(hash.value)
}

private func mixed(_ value: UInt64) -> UInt64 {
  var x = value
  x = (x ^ x >> 33) &* 0xFF51_AFD7_ED55_8CCD
  x = (x ^ x >> 33) &* 0xC4CE_B9FE_1A85_EC53
  return x ^ x >> 33
}
