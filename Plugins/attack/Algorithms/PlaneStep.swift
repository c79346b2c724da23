/// The smallest step from a point in 0...1 onto a hyperplane that stays in 0...1; where none gets there, the one that
/// comes nearest to it.
///
/// With s = |w| (L2) or 1 where w is not 0 (Linf), value i moves by min(λ sᵢ, roomᵢ) in the direction of its gain. What
/// is gained is concave and piecewise linear in λ, so Newton's iteration from 0 ends on the right piece.
package struct PlaneStep {
  private let norm: Norm
  /// w.
  private let normal: [Float]

  package init(_ norm: Norm, normal: [Float]) { (self.norm, self.normal) = (norm, normal) }

  /// - Parameter gain: by how much w·x is to grow.
  package func step(from x: [Float], gaining gain: Double) -> [Float] {
    let sign: Float = gain < 0 ? -1 : 1
    var reach = 0.0
    for _ in 0..<Self.mostPieces {
      let (gained, slope) = progress(from: x, sign: sign, reach: reach)
      let missing = abs(gain) - gained
      guard missing > 1e-9 * abs(gain), slope > 0 else { break }
      reach += missing / slope
    }
    return x.indices.map { i in
      let direction = sign * normal[i]
      return direction == 0 ? 0 : (direction < 0 ? -1 : 1) * Float(way(x[i], direction, reach).length)
    }
  }

  private static let mostPieces = 100

  /// How far one value moves, and whether it is free to move on.
  @inline(__always)
  private func way(_ x: Float, _ direction: Float, _ reach: Double) -> (length: Double, isFree: Bool) {
    let room = Double(direction > 0 ? 1 - x : x)
    let wanted = reach * (norm == .l2 ? Double(abs(direction)) : 1)
    return wanted < room ? (wanted, true) : (max(room, 0), false)
  }

  /// What is gained, and its slope in `reach`.
  private func progress(from x: [Float], sign: Float, reach: Double) -> (gained: Double, slope: Double) {
    var (gained, slope) = (0.0, 0.0)
    x.withUnsafeBufferPointer { x in
      normal.withUnsafeBufferPointer { normal in
        for i in 0..<x.count {
          let direction = sign * normal[i]
          let (length, isFree) = way(x[i], direction, reach)
          let size = Double(abs(direction))
          gained += size * length
          if isFree { slope += size * (norm == .l2 ? size : 1) }
        }
      }
    }
    return (gained, slope)
  }
}
