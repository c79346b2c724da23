import AttackAlgorithms
import RTool

/// Makes a change as short as it may be, and rounds it as its file will be: every length is judged by what the file has
/// in it.
struct Shortening {
  let scene: Scene
  let goal: Goal
  let file: FileValues

  /// Relative to the change, how near the shortest one is come.
  private static let precision = 2e-4
  /// With 8 bits the best rounding is sought: how often along the gradient at the last one, and how many lengths below
  /// the shortest one known, since with every length other values are rounded up.
  private static let roundings = 3, lengths = 12

  /// The shortest part or multiple of a change that reaches the goal; nil: none does.
  func shortest(_ change: [Float]) throws -> Finding? {
    guard var finding = try bisected(change) else { return nil }
    if file.bits > 8 { return finding }
    let boundary = Boundary(scene: scene, goal: goal, rival: goal.to == nil ? finding.after.best : nil)
    for _ in 0..<Self.roundings {
      // Of all roundings that gain as much by a flat boundary, that of a step along its gradient is the shortest.
      let slope = try boundary.slope(at: finding.values)
      let gain = dot(slope.gradient, sum(finding.values, scene.origin, share: -1)) - slope.lead
      let step = PlaneStep(scene.norm, normal: slope.gradient).step(from: scene.origin, gaining: gain)
      guard let other = try bisected(step), other.radius < finding.radius else { break }
      finding = other
    }
    return finding
  }

  private func bisected(_ change: [Float]) throws -> Finding? {
    var (low, high) = (0.0, 1.0)
    var finding = try attempt(change, 1)
    if finding == nil {
      for more in [1e-3, 4e-3, 0.015, 0.05, 0.15, 0.5, 1.5] {
        (low, high) = (high, 1 + more)
        finding = try attempt(change, high)
        if finding != nil { break }
      }
    } else {
      for less in [1e-3, 4e-3, 0.015, 0.05, 0.15, 0.5] {
        guard let closer = try attempt(change, 1 - less) else {
          low = 1 - less
          break
        }
        (finding, high) = (closer, 1 - less)
      }
    }
    guard var finding else { return nil }
    while high - low > Self.precision * high {
      let middle = (low + high) / 2
      if let closer = try attempt(change, middle) { (finding, high) = (closer, middle) } else { low = middle }
    }
    if file.bits <= 8 {
      for k in 1...Self.lengths {
        guard let closer = try attempt(change, high * (1 - 0.003 * Double(k))), closer.radius < finding.radius
        else { continue }
        finding = closer
      }
    }
    return finding
  }

  private func attempt(_ change: [Float], _ share: Double) throws -> Finding? {
    let values = file.rounded(sum(scene.origin, change, share: share))
    let logits = try scene.logits(values)
    guard goal.isReached(logits) else { return nil }
    return Finding(values: values, radius: scene.radius(of: values), after: Prediction(logits: logits))
  }
}
