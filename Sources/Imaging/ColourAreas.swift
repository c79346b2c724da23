/// The colours that a picture is made of.
enum ColourAreas {
  /// The colours, where these are few: two between which all the others lie, or else those of its areas, the most frequent
  /// first. nil: they are many, as in a photo.
  static func colours(of mask: ColourMask) -> [MaskColour]? { ends(mask) ?? areas(mask) }

  private static func ends(_ mask: ColourMask) -> [MaskColour]? {
    // Around edges, compression with loss makes colours of its own.
    let bins =
      mask.isLossy
      ? ColourBins(mask) { mask.isFlat($0) }.filled(mask.width * mask.height / 5000)
      : ColourBins(mask) { _ in true }
    if bins.sorted.isEmpty { return nil }
    let ground = bins.sorted[0].colour
    func farthest(from colour: MaskColour) -> MaskColour {
      bins.sorted.map(\.colour).max { $0.distance(to: colour) < $1.distance(to: colour) }!
    }
    var second = farthest(from: ground)
    var first = farthest(from: second)
    if ground.distance(to: first) < 32 { first = ground }
    if !mask.isLossy {
      // The ends are colours that there are, not those that happen to come first.
      let end = mask.farthest(from: second, near: first)
      second = mask.farthest(from: end, near: second)
      first = end
    }
    let length = first.distance(to: second)
    if length == 0 { return nil }
    let reach: Float = mask.isLossy ? 40 : 12
    let outside = mask.count { colour in
      // Twice the triangle's area over its base: the height over the line; the rest is along it.
      let (a, b) = (colour.distance(to: first), colour.distance(to: second))
      let along = (a * a - b * b + length * length) / (2 * length)
      let height = (max(a * a - along * along, 0)).squareRoot()
      return height > reach || along < -reach || along > length + reach
    }
    return Double(outside) <= Double(mask.width * mask.height) * (mask.isLossy ? 0.004 : 0.0001)
      ? [first, second] : nil
  }

  private static func areas(_ mask: ColourMask) -> [MaskColour]? {
    if !mask.isLossy, let few = mask.distinctColours(atMost: 64) { return few }
    let bins = ColourBins(mask) { mask.isFlat($0) }
    var found: [(colour: MaskColour, count: Int)] = []
    for bin in bins.sorted {
      if let near = found.firstIndex(where: { $0.colour.distance(to: bin.colour) < 60 }) {
        found[near].count += bin.count
      } else {
        found.append((bin.colour, bin.count))
      }
      if found.count > 64 { return nil }
    }
    // What is left of edges is no area.
    let least = max(16, mask.width * mask.height / 20000)
    let colours = found.filter { $0.count >= least }.map(\.colour)
    guard (1...8).contains(colours.count) else { return nil }
    // Of edges there may be much in a small picture; of a photo, much is no area.
    let flat = bins.sorted.reduce(0) { $0 + $1.count }
    let within = found.filter { colours.contains($0.colour) }.reduce(0) { $0 + $1.count }
    guard 2 * flat >= mask.width * mask.height, 20 * within >= 19 * flat else { return nil }
    let near = mask.count { colour in
      colours.contains { $0.distance(to: colour) <= (mask.isLossy ? 40 : 25) }
    }
    return 100 * near >= (mask.isLossy ? 75 : 95) * mask.width * mask.height ? colours : nil
  }
}

/// Pixels counted by their colour in steps of 16.
private struct ColourBins {
  /// The colour of each bin that has pixels, the fullest first: the mean, or, without noise to be averaged, that of a
  /// pixel whose neighbours have the same, where there is one.
  private(set) var sorted: [(colour: MaskColour, count: Int)] = []

  init(_ mask: ColourMask, where holds: (Int) -> Bool) {
    var counts = [Int](repeating: 0, count: 4096)
    var samples = counts
    var isEven = [Bool](repeating: false, count: 4096)
    var sums = [Double](repeating: 0, count: 3 * 4096)
    for pixel in 0..<mask.width * mask.height where holds(pixel) {
      func step(_ channel: Int) -> Int { min(Int(mask.values[3 * pixel + channel]) / 16, 15) }
      let bin = step(0) << 8 | step(1) << 4 | step(2)
      if counts[bin] == 0 || !isEven[bin] {
        isEven[bin] = mask.isFlat(pixel, within: 0)
        if counts[bin] == 0 || isEven[bin] { samples[bin] = pixel }
      }
      counts[bin] += 1
      for channel in 0..<3 { sums[3 * bin + channel] += Double(mask.values[3 * pixel + channel]) }
    }
    for bin in counts.indices where counts[bin] > 0 {
      func mean(_ channel: Int) -> Float { Float(sums[3 * bin + channel] / Double(counts[bin])) }
      let colour =
        mask.isLossy ? MaskColour(red: mean(0), green: mean(1), blue: mean(2)) : mask.colour(samples[bin])
      sorted.append((colour, counts[bin]))
    }
    sorted.sort { $0.count > $1.count }
  }

  /// Without the bins of fewer than `least` pixels, of 256 if that is less.
  func filled(_ least: Int) -> ColourBins {
    var bins = self
    bins.sorted = sorted.filter { $0.count >= min(max(least, 16), 256) }
    return bins
  }
}

extension ColourMask {
  /// The colour farthest from one, among those that are near to another.
  fileprivate func farthest(from colour: MaskColour, near middle: MaskColour) -> MaskColour {
    var (found, distance) = (middle, middle.distance(to: colour))
    for at in stride(from: 0, to: values.count, by: 3) {
      let other = MaskColour(red: values[at], green: values[at + 1], blue: values[at + 2])
      if other.distance(to: colour) > distance, other.distance(to: middle) < 28 {
        (found, distance) = (other, other.distance(to: colour))
      }
    }
    return found
  }

  fileprivate func count(where holds: (MaskColour) -> Bool) -> Int {
    var count = 0
    for at in stride(from: 0, to: values.count, by: 3)
    where holds(MaskColour(red: values[at], green: values[at + 1], blue: values[at + 2])) {
      count += 1
    }
    return count
  }

  /// Whether the pixels to the right and below have its colour, or nearly so.
  fileprivate func isFlat(_ pixel: Int, within reach: Float = 12) -> Bool {
    let (x, y) = (pixel % width, pixel / width)
    guard x + 1 < width, y + 1 < height else { return false }
    return (0..<3).allSatisfy { channel in
      let value = values[3 * pixel + channel]
      return abs(values[3 * (pixel + 1) + channel] - value) <= reach
        && abs(values[3 * (pixel + width) + channel] - value) <= reach
    }
  }

  /// All its colours, the most frequent first; nil: there are more.
  fileprivate func distinctColours(atMost most: Int) -> [MaskColour]? {
    var found: [(colour: MaskColour, count: Int)] = []
    var last = 0
    for at in stride(from: 0, to: values.count, by: 3) {
      let colour = MaskColour(red: values[at], green: values[at + 1], blue: values[at + 2])
      if last < found.count, found[last].colour == colour {
        found[last].count += 1
      } else if let index = found.firstIndex(where: { $0.colour == colour }) {
        found[index].count += 1
        last = index
      } else {
        if found.count == most { return nil }
        last = found.count
        found.append((colour, 1))
      }
    }
    return found.sorted { $0.count > $1.count }.map(\.colour)
  }
}
