/// How often each level occurs. Whole levels up to 65535 are counted as they are, others as 65536 steps up to white.
struct LevelHistogram {
  private(set) var counts = [Int](repeating: 0, count: 65536)
  /// The indices that occur, from dark to bright.
  private(set) var levels: [Int] = []
  /// How many indices make up one level.
  let scale: Int
  private let factor: Float

  init(_ mask: GreyMask) {
    let (white, marked) = (mask.white, mask.marked)
    factor = white > 1 && white <= 65535 ? 1 : 65535 / white
    scale = factor == 1 ? 1 : max(Int(factor), 1)
    counts[0] = mask.values.count - marked.width * marked.height
    for y in marked.y..<marked.y + marked.height {
      let row = y * mask.width + marked.x
      for at in row..<row + marked.width { counts[index(mask.values[at])] += 1 }
    }
    levels = counts.indices.filter { counts[$0] > 0 }
  }

  func index(_ value: Float) -> Int { min(Int((value * factor).rounded()), 65535) }

  func text(_ index: Int) -> String { factor == 1 ? "\(index)" : "\(Float(index) / factor)" }
}

/// Which levels have areas of their own, and how levels follow each other.
struct LevelAreas {
  /// The share of all that is not black that has levels with areas.
  private(set) var flatShare = 0.0
  /// Whether that is so of all levels.
  private(set) var areAllFlat = true
  private(set) var darkestFlat = Int.max
  /// Neighbours whose levels differ by little, and by more.
  private(set) var steps = 0, jumps = 0

  init(_ mask: GreyMask, _ histogram: LevelHistogram) {
    let (width, height) = (mask.width, mask.height)
    let near = mask.marked.grown(by: 1, width: width, height: height)
    let seen = near.grown(by: 1, width: width, height: height)
    let columns = seen.width
    let indices = (seen.y..<seen.y + seen.height).flatMap { y in
      mask.values[y * width + seen.x..<y * width + seen.x + columns].map { Int32(histogram.index($0)) }
    }
    var inner = [Int](repeating: 0, count: 65536)
    let small = max(2 * histogram.scale, histogram.levels.last! / 64)
    for y in near.y..<near.y + near.height {
      for x in near.x..<near.x + near.width {
        let at = (y - seen.y) * columns + x - seen.x
        let level = indices[at]
        if x > 0, indices[at - 1] != level {
          if abs(indices[at - 1] - level) <= small { steps += 1 } else { jumps += 1 }
        }
        if x > 0, y > 0, x < width - 1, y < height - 1, indices[at - 1] == level, indices[at + 1] == level,
          indices[at - columns] == level, indices[at + columns] == level
        {
          inner[Int(level)] += 1
        }
      }
    }
    var (flat, all) = (0, 0)
    for level in histogram.levels where level > 0 {
      all += histogram.counts[level]
      if 4 * inner[level] >= histogram.counts[level] {
        flat += histogram.counts[level]
        darkestFlat = min(darkestFlat, level)
      } else {
        areAllFlat = false
      }
    }
    flatShare = all > 0 ? Double(flat) / Double(all) : 0
  }
}
