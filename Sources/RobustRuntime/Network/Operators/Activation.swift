/// What is applied to each value of a map.
package enum Activation: Sendable, Equatable {
  case identity
  /// max(x, 0)
  case relu
  /// min(max(x, 0), 6)
  case relu6
  /// x / (1 + e⁻ˣ)
  case silu
  /// x Φ(x), Φ being the normal distribution function.
  case gelu
  /// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))
  case geluTanh
  /// 1 / (1 + e⁻ˣ)
  case sigmoid
  /// min(max(x / 6 + ½, 0), 1)
  case hardSigmoid
  /// x · hardSigmoid(x)
  case hardSwish
  case tanh
  /// x where it is positive, else slope · x.
  case leakyReLU(slope: Float)
}

extension Activation {
  /// Whether it is a ReLU, with or without a ceiling: its gradient needs no more than a mask, so that any step takes it in.
  var isClip: Bool { ceiling > 0 }

  /// The largest value of a ReLU, which may be infinite; 0: it is none.
  var ceiling: Float {
    switch self {
    case .relu: .infinity
    case .relu6: 6
    default: 0
    }
  }
}
