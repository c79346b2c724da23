import Glibc

extension PatchField {
  /// Calls `body` with the target and the weight of every vote on a pixel; false where no target covers it.
  ///
  /// Every target over the pixel votes with its trust and with exp(-(cost - least cost) / (tolerance * mean cost)):
  /// a small tolerance leaves the best patch alone to decide, which keeps texture sharp; a large one averages.
  @inline(__always)
  @discardableResult
  private func forEachVote(on pixel: Int, tolerance: Float, _ body: (Int, Int, Int, Float) -> Void) -> Bool {
    let x = pixel % width
    let y = pixel / width
    let left = max(-radius, radius &- x)
    let right = min(radius, width &- 1 &- radius &- x)
    let top = max(-radius, radius &- y)
    let bottom = min(radius, height &- 1 &- radius &- y)
    var least = Float.infinity
    var sum: Float = 0
    var count: Float = 0
    for dy in top...bottom {
      let row = pixel &+ dy &* width
      for dx in left...right where match[row &+ dx] >= 0 {
        least = min(least, cost[row &+ dx])
        sum += cost[row &+ dx]
        count += 1
      }
    }
    guard count > 0 else { return false }
    let sharpness = 1 / (tolerance * sum / count + 1e-6)
    for dy in top...bottom {
      let row = pixel &+ dy &* width
      for dx in left...right where match[row &+ dx] >= 0 {
        let excess = (cost[row &+ dx] - least) * sharpness
        if excess < 12 { body(row &+ dx, dx, dy, trust[row &+ dx] * expf(-excess)) }
      }
    }
    return true
  }

  /// The mean of the shifted source texels that the targets over a pixel propose, or nil where there is none.
  @inline(__always)
  func vote(at pixel: Int, tolerance: Float) -> Texel? {
    var sum = Texel()
    var shiftSum = SIMD4<Float>()
    var total: Float = 0
    let isCovered = forEachVote(on: pixel, tolerance: tolerance) { target, dx, dy, weight in
      sum += weight * texels[Int(match[target]) &- dy &* width &- dx]
      shiftSum += weight * shift[target]
      total += weight
    }
    guard isCovered else { return nil }
    sum.lowHalf += shiftSum
    return sum / total
  }

  /// The mean differences that the targets over a pixel propose to its right and to its lower neighbour, zero where
  /// no target covers both. A difference is taken within one source, so none crosses a seam between two.
  func voteDifferences(at pixel: Int, tolerance: Float) -> (right: Texel, down: Texel) {
    var right = Texel()
    var down = Texel()
    var rightTotal: Float = 0
    var downTotal: Float = 0
    forEachVote(on: pixel, tolerance: tolerance) { target, dx, dy, weight in
      let source = Int(match[target]) &- dy &* width &- dx
      if dx > -radius {
        right += weight * (texels[source &+ 1] - texels[source])
        rightTotal += weight
      }
      if dy > -radius {
        down += weight * (texels[source &+ width] - texels[source])
        downTotal += weight
      }
    }
    return (right / max(rightTotal, 1e-20), down / max(downTotal, 1e-20))
  }

  /// How much of the fill each known pixel makes up: the votes it has, summed over the holes.
  func usage(tolerance: Float) -> [Float] {
    var result = [Float](repeating: 0, count: area)
    for entry in holePixels {
      var total: Float = 0
      forEachVote(on: Int(entry), tolerance: tolerance) { _, _, _, weight in total += weight }
      forEachVote(on: Int(entry), tolerance: tolerance) { target, dx, dy, weight in
        result[Int(match[target]) &- dy &* width &- dx] += weight / total
      }
    }
    return result
  }

  /// Replaces the hole's texels by the votes.
  func voteAll(tolerance: Float) {
    let pieces = (holePixels.count + Self.pieceSize - 1) / Self.pieceSize
    crew.run(pieces) { [self, holePixels] number in
      for k in (number * Self.pieceSize)..<min((number + 1) * Self.pieceSize, holePixels.count) {
        // Votes read sources only, which are known throughout, so replacing in place is safe.
        let pixel = Int(holePixels[k])
        if let value = vote(at: pixel, tolerance: tolerance) { texels[pixel] = value }
      }
    }
  }
}
