/// City-block distances on a grid of pixels.
package enum Distance {
  /// The distance of each pixel to the nearest one of a set, 0 for those in it. Where the set is empty all distances are at
  /// least `width + height`.
  /// - Parameter wraps: whether rows go on at their other end, and whether columns do.
  package static func toNearest(
    width: Int, height: Int, wraps: (across: Bool, down: Bool) = (false, false), isInSet: (Int) -> Bool
  ) -> [Int] {
    let far = width + height
    var distances = (0..<width * height).map { isInSet($0) ? 0 : far }
    pass(&distances, width, height)
    guard wraps.across || wraps.down else { return distances }
    // What is known at one end begins at the other, until nothing changes any more.
    while carryOver(&distances, width, height, wraps) { pass(&distances, width, height) }
    return distances
  }

  /// Whether a pixel at one end is nearer by way of the other.
  private static func carryOver(
    _ distances: inout [Int], _ width: Int, _ height: Int, _ wraps: (across: Bool, down: Bool)
  ) -> Bool {
    var changes = false
    func join(_ a: Int, _ b: Int) {
      let least = min(distances[a], distances[b]) + 1
      for i in [a, b] where distances[i] > least { (distances[i], changes) = (least, true) }
    }
    if wraps.across { for y in 0..<height { join(y * width, y * width + width - 1) } }
    if wraps.down { for x in 0..<width { join(x, (height - 1) * width + x) } }
    return changes
  }

  /// Carries distances from neighbour to neighbour, there and back.
  private static func pass(_ distances: inout [Int], _ width: Int, _ height: Int) {
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
  }
}
