/// What is done to a mask before it is used: it is inverted, then grown or shrunk, then feathered.
public struct MaskEdit: Sendable, Equatable {
  /// Whether black becomes white and white black.
  public var isInverted: Bool
  /// Pixels by which what is white is widened, in all directions alike; negative: narrowed. What lies beyond the border of
  /// the mask is taken for neither black nor white.
  public var grow: Int
  /// Pixels over which the mask fades out towards black, inside what is not black: no pixel that was black changes.
  public var feather: Int

  public init(isInverted: Bool = false, grow: Int = 0, feather: Int = 0) {
    (self.isInverted, self.grow, self.feather) = (isInverted, grow, feather)
  }

  /// Whether it leaves every mask as it is.
  public var isNothing: Bool { self == MaskEdit() }

  /// - Parameter mask: 1 channel in 0...1.
  public func applied(to mask: FloatImage) -> FloatImage {
    var mask = mask
    if isInverted { mask.invert() }
    if grow > 0 { mask.dilate(radius: grow) }
    if grow < 0 {
      mask.invert()
      mask.dilate(radius: -grow)
      mask.invert()
    }
    if feather > 0 { mask.fade(over: feather) }
    return mask
  }
}

extension FloatImage {
  fileprivate mutating func invert() {
    for index in pixels.indices { pixels[index] = 1 - pixels[index] }
  }

  /// Each value becomes the largest one at a Euclidean distance of at most `radius`: grey dilation by a disc.
  ///
  /// One way is to look at each level by itself, at a cost that goes with their number, another to look at each row of the
  /// disc, at one that goes with the radius.
  fileprivate mutating func dilate(radius: Int) {
    let levels = levels(atMost: radius / 4)
    if let levels { dilate(radius: radius, levels: levels) } else { dilateByRows(radius: radius) }
  }

  /// All values but 0, from the least on; nil: they are more.
  private func levels(atMost count: Int) -> [Float]? {
    var levels: Set<Float> = []
    var last: Float = 0
    for value in pixels where value != last {
      last = value
      if value > 0, levels.insert(value).inserted, levels.count > max(count, 1) { return nil }
    }
    return levels.sorted()
  }

  /// What is near enough to a pixel of some level or more has that level at least.
  private mutating func dilate(radius: Int, levels: [Float]) {
    let before = self
    for level in levels {
      before.forEachSquaredDistance(to: { $0 >= level }) { index, distance in
        if distance <= radius * radius { pixels[index] = level }
      }
    }
  }

  private mutating func dilateByRows(radius: Int) {
    // How far the disc reaches to the left and right in the row so far from its middle.
    let reaches = (0...radius).map { Int(Double(radius * radius - $0 * $0).squareRoot()) }
    let before = pixels
    for y in 0..<height {
      let row = before[y * width..<(y + 1) * width]
      guard let first = row.firstIndex(where: { $0 > 0 }), let last = row.lastIndex(where: { $0 > 0 }) else {
        continue
      }
      for (distance, reach) in reaches.enumerated() {
        let rows = (distance == 0 ? [y] : [y - distance, y + distance]).filter { (0..<height).contains($0) }
        if rows.isEmpty { break }
        let left = max(first - row.startIndex - reach, 0)
        let right = min(last - row.startIndex + reach, width - 1)
        let largest = Self.largest(of: row, around: left...right, reach: reach)
        for y in rows {
          for x in left...right { pixels[y * width + x] = max(pixels[y * width + x], largest[x - left]) }
        }
      }
    }
  }

  /// For each place the largest value at most `reach` places from it, 0 beyond the ends, in three comparisons a place (van
  /// Herk, 1992): a window is the end of one block and the beginning of the next.
  private static func largest(of row: ArraySlice<Float>, around places: ClosedRange<Int>, reach: Int)
    -> [Float]
  {
    let block = 2 * reach + 1
    let values = (places.lowerBound - reach...places.upperBound + reach).map { place in
      (0..<row.count).contains(place) ? row[row.startIndex + place] : 0
    }
    var (fromBegin, toEnd) = (values, values)
    for index in values.indices.dropFirst() where index % block != 0 {
      fromBegin[index] = max(fromBegin[index], fromBegin[index - 1])
    }
    for index in values.indices.dropLast().reversed() where (index + 1) % block != 0 {
      toEnd[index] = max(toEnd[index], toEnd[index + 1])
    }
    return (0..<places.count).map { max(toEnd[$0], fromBegin[$0 + block - 1]) }
  }

  /// Multiplies each value by a smooth step of its Euclidean distance to the nearest 0, which is 1 beyond `length` pixels.
  fileprivate mutating func fade(over length: Int) {
    let before = self
    before.forEachSquaredDistance(to: { $0 == 0 }) { index, distance in
      guard pixels[index] > 0 else { return }
      let way = min(Float(distance).squareRoot() / Float(length + 1), 1)
      pixels[index] *= way * way * (3 - 2 * way)
    }
  }

  /// Calls `body` with each pixel's index and its squared Euclidean distance to the nearest one whose value is in a set,
  /// exactly, in a time that goes with the number of pixels (Meijster, Roerdink and Hesselink, 2000); not at all where there
  /// is none.
  private func forEachSquaredDistance(
    to isInSet: (Float) -> Bool, _ body: (_ index: Int, _ distance: Int) -> Void
  ) {
    // Within its column first. What a column without one of the set has is more than any distance there is.
    let far = Int32(clamping: width + height)
    var heights = [Int32](repeating: far, count: pixels.count)
    var isEmpty = true
    for index in pixels.indices {
      if isInSet(pixels[index]) {
        (heights[index], isEmpty) = (0, false)
      } else if index >= width {
        heights[index] = min(far, heights[index - width] + 1)
      }
    }
    if isEmpty { return }
    for index in pixels.indices.dropLast(width).reversed() {
      heights[index] = min(heights[index], heights[index + width] + 1)
    }
    // Then in each row the lowest of the parabolas that stand on the pixels.
    var feet = [Int](repeating: 0, count: width)
    var begins = feet
    for row in stride(from: 0, to: pixels.count, by: width) {
      func parabola(_ foot: Int, at x: Int) -> Int {
        let height = Int(heights[row + foot])
        return (x - foot) * (x - foot) + height * height
      }
      var last = 0
      (feet[0], begins[0]) = (0, 0)
      for x in 1..<width {
        while last >= 0, parabola(feet[last], at: begins[last]) > parabola(x, at: begins[last]) { last -= 1 }
        if last < 0 {
          (last, feet[0], begins[0]) = (0, x, 0)
        } else {
          let crossing = (parabola(x, at: 0) - parabola(feet[last], at: 0)) / (2 * (x - feet[last]))
          if crossing + 1 < width {
            last += 1
            (feet[last], begins[last]) = (x, crossing + 1)
          }
        }
      }
      for x in (0..<width).reversed() {
        body(row + x, parabola(feet[last], at: x))
        if x == begins[last] { last -= 1 }
      }
    }
  }
}
