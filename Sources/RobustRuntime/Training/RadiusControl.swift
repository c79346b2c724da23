/// Moves the radius of the training's attack until accuracy under attacks of another radius, which stays, is
/// as wanted: a larger one trades accuracy on clean photos for accuracy under attack.
package struct RadiusControl: Sendable, Equatable {
  /// The accuracy that is wanted, 0...1, and the radius at which it is measured.
  package let accuracy, eps: Double

  /// The shares of the steps between which the radius moves: before them accuracy says little, and what is
  /// learnt after them decides.
  package static let moves = 1.0 / 6..<2.0 / 3
  /// The share of the radius that a move changes at most.
  package static let mostChange = 0.1
  /// The multiples of `eps` between which the radius stays.
  package static let limits = 0.5...2.0

  package init(accuracy: Double, eps: Double) { (self.accuracy, self.eps) = (accuracy, eps) }

  /// The next radius.
  /// - Parameters:
  ///   - radius: the present one.
  ///   - measured: accuracy under attacks of `eps`, 0...1.
  ///   - done: the share of the steps that have been taken, 0...1.
  package func next(_ radius: Double, measured: Double, done: Double) -> Double {
    guard Self.moves.contains(done) else { return radius }
    let change = min(max(accuracy - measured, -Self.mostChange), Self.mostChange)
    let (least, most) = (Self.limits.lowerBound * eps, Self.limits.upperBound * eps)
    // One that begins outside stays there until it comes in by itself.
    return min(max(radius * (1 + change), min(least, radius)), max(most, radius))
  }
}
