import CKernels

/// The smallest step from a point in 0...1 to a hyperplane that stays in 0...1; where there is none, the one
/// that comes nearest to the hyperplane.
///
/// With s = |w| (L2) or 1 where w ≠ 0 (Linf), the step is min(λ s_i, room_i) in the direction of each gain,
/// and gains Σ |w_i| min(λ s_i, room_i), which is concave and piecewise linear in λ ≥ 0. So Newton's
/// iteration from 0 never passes the solution and ends on its piece.
struct HyperplaneProjection {
  let norm: PerturbationNorm
  /// w, of `count` values.
  let normal: UnsafePointer<Float>
  let count: Int

  /// Pieces that are gone through at most; a handful are met.
  private static let mostPieces = 200

  /// - Parameter gain: by how much w·x is to grow, or to fall.
  /// - Returns: the size of the step.
  func step(from x: UnsafePointer<Float>, gaining gain: Double, to step: UnsafeMutablePointer<Float>)
    -> Double
  {
    let (sign, isUniform): (Float, Bool) = (gain < 0 ? -1 : 1, norm == .linf)
    let wanted = abs(gain)
    var length = 0.0
    for _ in 0..<Self.mostPieces {
      let reached = rt_gain_in_box(x, normal, sign, isUniform, length, count)
      let left = wanted - reached.gain
      guard left > 1e-12 * wanted, reached.slope > 0 else { break }
      let next = length + left / reached.slope
      if next == length || !next.isFinite { break }
      length = next
    }
    rt_step_in_box(step, x, normal, sign, isUniform, length, count)
    switch norm {
    case .l2: return rt_sum_squares(step, count).squareRoot()
    case .linf: return Double(rt_max_abs(step, count))
    }
  }
}
