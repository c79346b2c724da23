/// Points sorted into groups about their means: k-means, begun at points far from each other, k-means++
/// (Arthur, Vassilvitskii, SODA 2007), several times, of which the best is kept.
struct Clusters {
  /// The group of each point, below `count`. The first group has most points.
  let labels: [Int]
  let count: Int

  private static let attempts = 8
  private static let mostRounds = 200

  /// - Parameters:
  ///   - points: [point][dimension], finite.
  ///   - most: groups; there are fewer where points are alike.
  /// - fewest: points of a group. The smallest group with fewer is given up, and its points go to the others.
  init(_ points: [Double], dimension: Int, most: Int, fewest: Int, random: Philox) {
    let draws = random.uniform(count: Self.attempts * most).map(Double.init)
    let space = Space(points: points, dimension: dimension)
    var best = Partition(labels: [Int](repeating: 0, count: space.count), centres: [[]], spread: .infinity)
    for attempt in 0..<Self.attempts {
      let centres = space.distant(draws[attempt * most..<(attempt + 1) * most])
      let partition = space.settled(centres)
      if partition.spread < best.spread { best = partition }
    }
    while best.centres.count > 1 {
      let sizes = best.sizes
      let smallest = sizes.indices.min { sizes[$0] < sizes[$1] }!
      if sizes[smallest] >= fewest { break }
      best.centres.remove(at: smallest)
      best = space.settled(best.centres)
    }
    let sizes = best.sizes
    let order = sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    var place = [Int](repeating: 0, count: order.count)
    for (new, old) in order.enumerated() { place[old] = new }
    (labels, count) = (best.labels.map { place[$0] }, order.count)
  }

  private struct Partition {
    var labels: [Int]
    var centres: [[Double]]
    /// Sum of the squared distances of the points from their centres.
    var spread: Double

    var sizes: [Int] { labels.reduce(into: [Int](repeating: 0, count: centres.count)) { $0[$1] += 1 } }
  }

  private struct Space {
    let points: [Double]
    let dimension: Int
    var count: Int { points.count / max(dimension, 1) }

    func point(_ i: Int) -> ArraySlice<Double> { points[i * dimension..<(i + 1) * dimension] }

    func squaredDistance(_ i: Int, _ centre: some Sequence<Double>) -> Double {
      zip(point(i), centre).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// Points at random, each by the square of its distance from those that are chosen already.
    func distant(_ draws: ArraySlice<Double>) -> [[Double]] {
      var centres: [[Double]] = []
      var distances = [Double](repeating: 1, count: count)
      for draw in draws {
        let total = distances.reduce(0, +)
        guard total > 0 else { break }
        var rest = draw * total
        var chosen = 0
        for i in distances.indices where distances[i] > 0 {
          chosen = i
          rest -= distances[i]
          if rest < 0 { break }
        }
        let centre = Array(point(chosen))
        for i in distances.indices {
          let distance = squaredDistance(i, centre)
          distances[i] = centres.isEmpty ? distance : min(distances[i], distance)
        }
        centres.append(centre)
      }
      return centres
    }

    /// Points go to the nearest centre, and centres to the mean of their points, until nothing changes
    /// (Lloyd).
    func settled(_ start: [[Double]]) -> Partition {
      var partition = Partition(labels: [], centres: start, spread: 0)
      for _ in 0..<mostRounds {
        var labels = [Int](repeating: 0, count: count)
        var spread = 0.0
        for i in labels.indices {
          let distances = partition.centres.map { squaredDistance(i, $0) }
          labels[i] = distances.indices.min { distances[$0] < distances[$1] } ?? 0
          spread += distances[labels[i]]
        }
        partition.spread = spread
        if labels == partition.labels { break }
        partition.labels = labels
        var sums = partition.centres.map { [Double](repeating: 0, count: $0.count) }
        for (i, label) in labels.enumerated() {
          for (k, value) in point(i).enumerated() { sums[label][k] += value }
        }
        for (c, size) in partition.sizes.enumerated() where size > 0 {
          partition.centres[c] = sums[c].map { $0 / Double(size) }
        }
      }
      return partition
    }
  }
}
