/// Anderson's acceleration of an iteration x ← T(x): the next point is that combination of the last few for which their
/// residuals T(x) − x cancel best, if T is taken as linear. (Anderson: "Iterative procedures for nonlinear integral
/// equations", J. ACM 12, 1965.)
package struct AndersonMixing {
  private var point: [Float] = []
  private var residual: [Float] = []
  /// From one point to the next, and from its residual to the next one's, the latest last.
  private var moves: [[Float]] = []
  private var turns: [[Float]] = []

  /// Moves that are remembered.
  private static let depth = 3
  /// Share of the first step, about which nothing is known yet.
  private static let firstShare = 0.5
  /// What is added to the diagonal, relative to its mean, against turns that are nearly parallel.
  private static let ridge = 1e-3

  package init() {}

  /// - Returns: where to go from `point`, given T(point).
  package mutating func next(after point: [Float], image: [Float]) -> [Float] {
    let residual = sum(image, point, share: -1)
    if !self.point.isEmpty {
      moves.append(sum(point, self.point, share: -1))
      turns.append(sum(residual, self.residual, share: -1))
      if moves.count > Self.depth { (_, _) = (moves.removeFirst(), turns.removeFirst()) }
    }
    (self.point, self.residual) = (point, residual)
    guard !turns.isEmpty else { return sum(point, residual, share: Self.firstShare) }
    var next = image
    for (k, share) in shares().enumerated() {
      next = sum(next, moves[k], share: -share)
      next = sum(next, turns[k], share: -share)
    }
    return next
  }

  /// The least squares of residual − Σ share · turn, by the normal equations.
  private func shares() -> [Double] {
    let count = turns.count
    var matrix = turns.map { row in turns.map { dot(row, $0) } }
    var right = turns.map { dot($0, residual) }
    let trace = (0..<count).reduce(0) { $0 + matrix[$1][$1] }
    guard trace > 0 else { return [Double](repeating: 0, count: count) }
    for k in 0..<count { matrix[k][k] += Self.ridge * trace / Double(count) }
    // Positive definite: no row has to be exchanged.
    for k in 0..<count {
      for i in k + 1..<max(count, k + 1) {
        let share = matrix[i][k] / matrix[k][k]
        for j in k..<count { matrix[i][j] -= share * matrix[k][j] }
        right[i] -= share * right[k]
      }
    }
    for k in (0..<count).reversed() {
      for j in k + 1..<max(count, k + 1) { right[k] -= matrix[k][j] * right[j] }
      right[k] /= matrix[k][k]
    }
    return right
  }
}
