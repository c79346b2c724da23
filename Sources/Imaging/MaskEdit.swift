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
  fileprivate mutating func dilate(radius: Int) {
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
    guard let distances = squaredDistancesToBlack() else { return }
    for index in pixels.indices where pixels[index] > 0 {
      let way = min(Float(distances[index]).squareRoot() / Float(length + 1), 1)
      pixels[index] *= way * way * (3 - 2 * way)
    }
  }

  /// The squared Euclidean distance of each pixel to the nearest that is 0, exactly, in a time that goes with the number of
  /// pixels (Meijster, Roerdink and Hesselink, 2000); nil: there is none.
  private func squaredDistancesToBlack() -> [Int]? {
    guard pixels.contains(0) else { return nil }
    // Within its column first. What a column without a 0 has is more than any distance there is.
    var heights = [Int](repeating: width + height, count: pixels.count)
    for index in pixels.indices {
      if pixels[index] == 0 {
        heights[index] = 0
      } else if index >= width {
        heights[index] = min(heights[index], heights[index - width] + 1)
      }
    }
    for index in pixels.indices.dropLast(width).reversed() {
      heights[index] = min(heights[index], heights[index + width] + 1)
    }
    // Then in each row the lowest of the parabolas that stand on the pixels.
    var distances = heights
    var feet = [Int](repeating: 0, count: width)
    var begins = feet
    for row in stride(from: 0, to: pixels.count, by: width) {
      func parabola(_ foot: Int, at x: Int) -> Int {
        (x - foot) * (x - foot) + heights[row + foot] * heights[row + foot]
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
        distances[row + x] = parabola(feet[last], at: x)
        if x == begins[last] { last -= 1 }
      }
    }
    return distances
  }
}
