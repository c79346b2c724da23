/// City-block distances on a grid of pixels.
package enum Distance {
  /// The distance of each pixel to the nearest one of a set, 0 for those in it, in two passes. Where the set is
  /// empty all distances are at least `width + height`.
  package static func toNearest(width: Int, height: Int, isInSet: (Int) -> Bool) -> [Int] {
    let far = width + height
    var distances = (0..<width * height).map { isInSet($0) ? 0 : far }
    for y in 0..<height {
      for x in 0..<width where distances[y * width + x] > 0 {
        let i = y * width + x
        if x > 0 { distances[i] = min(distances[i], distances[i - 1] + 1) }
        if y > 0 { distances[i] = min(distances[i], distances[i - width] + 1) }
      }
    }
    for y in stride(from: height - 1, through: 0, by: -1) {
      for x in stride(from: width - 1, through: 0, by: -1) where distances[y * width + x] > 0 {
        let i = y * width + x
        if x + 1 < width { distances[i] = min(distances[i], distances[i + 1] + 1) }
        if y + 1 < height { distances[i] = min(distances[i], distances[i + width] + 1) }
      }
    }
    return distances
  }
}
