import RobustRuntime

/// Finds photos that look the same: scaled, compressed or brightened anew, or frames of one scene that hardly
/// moved.
///
/// Two photos are copies when their perceptual hashes differ in at most 7 bits, so that one of the 8 bytes is
/// the same in both, and their colours on a grid of 32 x 32, as they vary about their means, correlate by
/// 0.98 or more.
struct NearCopies {
  private static let side = 32
  private static let distance = 7
  private static let correlation: Float = 0.98
  /// The deviation of colours below which a photo is one plain colour.
  private static let plain: Float = 1 / 128
  /// Where more photos than this share a byte of their hashes, each is compared with so many before it.
  private static let most = 8192

  /// A photo of one of several sets.
  struct Photo {
    let set: PhotoSet
    let index: Int
  }

  private let photos: [Photo]
  private let hashes: [UInt64]
  private var grids: [Int: [Float]] = [:]
  /// Each photo's parent in the tree of its group; the root is its own.
  private var parents: [Int]

  /// Groups of two or more, each ascending, by indices of the photos given. nil when it was to stop.
  static func groups(_ photos: [Photo], goesOn: () -> Bool) -> [[Int]]? {
    var search = NearCopies(photos)
    search.joinExactCopies()
    guard search.joinNearCopies(goesOn) else { return nil }
    let groups = Dictionary(grouping: photos.indices) { search.root($0) }
    return groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
  }

  private init(_ photos: [Photo]) {
    self.photos = photos
    hashes = photos.map { $0.set.records[$0.index].perceptualHash }
    parents = Array(photos.indices)
  }

  private func root(_ photo: Int) -> Int {
    var photo = photo
    while parents[photo] != photo { photo = parents[photo] }
    return photo
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (first, second) = (root(a), root(b))
    parents[max(first, second)] = min(first, second)
    // Short ways to the root.
    (parents[a], parents[b]) = (min(first, second), min(first, second))
  }

  private mutating func joinExactCopies() {
    var first: [Digest: Int] = [:]
    for (i, photo) in photos.enumerated() {
      let digest = photo.set.records[photo.index].digest
      if let other = first[digest] { join(other, i) } else { first[digest] = i }
    }
  }

  private mutating func joinNearCopies(_ goesOn: () -> Bool) -> Bool {
    for byte in 0..<8 {
      var buckets = [[Int]](repeating: [], count: 256)
      for (i, hash) in hashes.enumerated() { buckets[Int(hash >> (8 * UInt64(byte)) & 255)].append(i) }
      for bucket in buckets {
        if !goesOn() { return false }
        for (place, i) in bucket.enumerated() {
          for j in bucket[max(0, place - Self.most)..<place]
          where (hashes[i] ^ hashes[j]).nonzeroBitCount <= Self.distance && root(i) != root(j)
            && lookAlike(i, j)
          {
            join(i, j)
          }
        }
      }
    }
    return true
  }

  private mutating func lookAlike(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (grid(a), grid(b))
    let (mean, otherMean) = (average(x), average(y))
    var (own, other, both): (Float, Float, Float) = (0, 0, 0)
    for i in x.indices {
      let (u, v) = (x[i] - mean, y[i] - otherMean)
      own += u * u
      other += v * v
      both += u * v
    }
    let least = Self.plain * Self.plain * Float(x.count)
    if own < least || other < least {
      return own < least && other < least && abs(mean - otherMean) < Self.plain
    }
    return both >= Self.correlation * (own * other).squareRoot()
  }

  /// The colours of the whole photo at 32 x 32, planar, 0...1.
  private mutating func grid(_ i: Int) -> [Float] {
    if let grid = grids[i] { return grid }
    var grid = [Float](repeating: 0, count: 3 * Self.side * Self.side)
    photos[i].set.withPhoto(photos[i].index) { Augmentation.stretched($0, size: Self.side, out: &grid) }
    grids[i] = grid
    return grid
  }
}

private func average(_ values: [Float]) -> Float { values.reduce(0, +) / Float(values.count) }

extension PhotoSet {
  /// Groups of two or more photos that are, or look, the same, each ascending. Throws `interrupted` when
  /// `goesOn` answers false.
  public func nearCopies(goesOn: () -> Bool = { true }) throws(DatasetError) -> [[Int]] {
    let photos = records.indices.map { NearCopies.Photo(set: self, index: $0) }
    guard let groups = NearCopies.groups(photos, goesOn: goesOn) else { throw .interrupted }
    return groups
  }
}
