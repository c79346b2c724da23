import Glibc

/// What an attack makes larger, as a function of the logits z of one image of class y.
enum AttackLoss: Equatable {
  /// −log softmax(z)_y.
  case crossEntropy
  /// max_{j ≠ y} z_j − z_y. (Carlini and Wagner, arXiv 1608.04644, f₆ without its bound.)
  case margin
  /// z_t − z_y.
  case targetedMargin(Int)
  /// −(z_y − z_t) / (z_π1 − (z_π3 + z_π4) / 2), with π the order of the logits, the largest first. (Croce and
  /// Hein, arXiv 2003.01690, equation 7.) Needs four classes.
  case targetedLogitRatio(Int)

  static let leastClassesOfRatio = 4

  /// Writes a gradient by the logits which may be scaled by a positive number, since attacks look at its
  /// direction alone: that of the cross-entropy is divided by 1 − p_y, so that it does not vanish where the
  /// model is certain.
  /// - Returns: the loss.
  func value(
    _ z: UnsafeBufferPointer<Float>, label y: Int, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    for j in gradient.indices { gradient[j] = 0 }
    switch self {
    case .crossEntropy:
      // log p_y = −log(1 + Σ_{j≠y} exp(z_j − z_y)); of the others, exp(z_j) / Σ_{k≠y} exp(z_k).
      var largest = -Double.infinity
      for j in z.indices where j != y { largest = max(largest, Double(z[j])) }
      var sum = 0.0
      for j in z.indices where j != y { sum += exp(Double(z[j]) - largest) }
      for j in z.indices where j != y { gradient[j] = Float(exp(Double(z[j]) - largest) / sum) }
      gradient[y] = -1
      let odds = largest + log(sum) - Double(z[y])
      return odds > 0 ? odds + log1p(exp(-odds)) : log1p(exp(odds))
    case .margin:
      var best = y == 0 ? 1 : 0
      for j in z.indices where j != y && z[j] > z[best] { best = j }
      return AttackLoss.targetedMargin(best).value(z, label: y, gradient: gradient)
    case .targetedMargin(let t):
      (gradient[t], gradient[y]) = (1, -1)
      return Double(z[t]) - Double(z[y])
    case .targetedLogitRatio(let t):
      let order = z.ranked
      let difference = Double(z[y]) - Double(z[t])
      let spread =
        Double(z[order[0]]) - 0.5 * (Double(z[order[2]]) + Double(z[order[3]])) + 1e-12
      let slope = difference / spread / spread
      var exact = [Double](repeating: 0, count: z.count)
      exact[y] -= 1 / spread
      exact[t] += 1 / spread
      exact[order[0]] += slope
      exact[order[2]] -= 0.5 * slope
      exact[order[3]] -= 0.5 * slope
      for j in z.indices { gradient[j] = Float(exact[j]) }
      return -difference / spread
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// The first of the largest values.
  var largestIndex: Int {
    var best = 0
    for j in indices where self[j] > self[best] { best = j }
    return best
  }

  /// All indices, those of the largest values first, of equal ones the lower first.
  var ranked: [Int] { indices.sorted { (-self[$0], $0) < (-self[$1], $1) } }
}
