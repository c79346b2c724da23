import Glibc

/// A function of one number, known by its values at fixed points. What exporters write in many ways (x · sigmoid(x), or
/// ½ x (1 + erf(x / √2))) is recognised by what it computes.
struct ScalarFunction {
  /// From -8 to 8: the corners of all activations are among them.
  static let points: [Double] = (-32...32).map { Double($0) / 4 }
  static let identity = ScalarFunction(values: points)

  let values: [Double]

  func map(_ body: (Double) -> Double) -> ScalarFunction { ScalarFunction(values: values.map(body)) }

  func combined(_ other: ScalarFunction, _ body: (Double, Double) -> Double) -> ScalarFunction {
    ScalarFunction(values: zip(values, other.values).map { body($0, $1) })
  }

  /// scale · activation(inner · x) + shift
  struct Form {
    var activation: Activation
    var inner = 1.0
    var scale = 1.0, shift = 0.0
  }

  /// The activation that the function is but for a scale and a shift; nil: none that is known, or a constant.
  var form: Form? {
    guard values.allSatisfy(\.isFinite) else { return nil }
    var best: (form: Form, error: Double)?
    var candidates = ScalarFunction.candidates
    let (below, above) = (values[32] - values[0], values[64] - values[32])
    if abs(above) > 1e-30, abs(below / above) <= 1 {
      candidates.append(Candidate(activation: .leakyReLU(slope: Float(below / above)), inner: 1))
    }
    for candidate in candidates {
      let (activation, inner, shape) = (candidate.activation, candidate.inner, candidate.values)
      guard let (scale, shift) = fitted(by: shape), abs(scale) > 1e-30 else { continue }
      var error = 0.0
      for (value, shape) in zip(values, shape) { error = max(error, abs(value - scale * shape - shift)) }
      // Constants in half precision are good to 5e-4; the two forms of GELU differ by as much, so the best one counts.
      guard error <= 3e-4 * abs(scale), error < best?.error ?? .infinity else { continue }
      best = (Form(activation: activation, inner: inner, scale: scale, shift: shift), error)
      if error <= 1e-9 * abs(scale) { break }
    }
    guard var form = best?.form else { return nil }
    if abs(form.scale - 1) < 1e-5 { form.scale = 1 }
    if abs(form.shift) < 1e-5 * abs(form.scale) { form.shift = 0 }
    return form
  }

  /// activation(inner · x)
  private struct Candidate {
    let activation: Activation
    let inner: Double
    let values: [Double]

    init(activation: Activation, inner: Double) {
      (self.activation, self.inner) = (activation, inner)
      values = ScalarFunction.points.map { ScalarFunction.value(activation, inner * $0) }
    }
  }

  /// Beside activations as they are: those that the older definitions of two of them are.
  private static let candidates: [Candidate] = [
    (.identity, 1), (.relu, 1), (.relu6, 1), (.silu, 1), (.gelu, 1), (.geluTanh, 1), (.sigmoid, 1),
    (.hardSwish, 1), (.hardSigmoid, 1), (.tanh, 1), (.hardSigmoid, 1.2), (.silu, 1.702), (.sigmoid, 1.702),
  ].map { Candidate(activation: $0, inner: $1) }

  /// The least squares of scale · shape + shift.
  private func fitted(by shape: [Double]) -> (scale: Double, shift: Double)? {
    let n = Double(values.count)
    let (mean, shapeMean) = (values.reduce(0, +) / n, shape.reduce(0, +) / n)
    var (product, square) = (0.0, 0.0)
    for (value, shape) in zip(values, shape) {
      product += (value - mean) * (shape - shapeMean)
      square += (shape - shapeMean) * (shape - shapeMean)
    }
    guard square > 0 else { return nil }
    return (product / square, mean - product / square * shapeMean)
  }

  private static func value(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .identity: x
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .silu: x * Scalar.sigmoid(x)
    case .gelu: Scalar.gelu(x)
    case .geluTanh: Scalar.geluTanh(x)
    case .sigmoid: Scalar.sigmoid(x)
    case .hardSigmoid: min(max(x / 6 + 0.5, 0), 1)
    case .hardSwish: Scalar.hardSwish(x)
    case .tanh: tanh(x)
    case .leakyReLU(let slope): x > 0 ? x : Double(slope) * x
    }
  }
}
