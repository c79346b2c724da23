import Glibc

/// Functions of numbers that operators of ONNX are.
enum Scalar {
  static func power(_ a: Double, _ b: Double) -> Double { pow(a, b) }

  static func exponentialLessOne(_ x: Double) -> Double { expm1(x) }

  static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

  static func geluTanh(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  static func hardSwish(_ x: Double) -> Double { x * min(max(x / 6 + 0.5, 0), 1) }

  /// Operators of one input and no attribute, by their names in ONNX.
  static let functions: [String: @Sendable (Double) -> Double] = [
    "Abs": { abs($0) },
    "Ceil": { $0.rounded(.up) },
    "Cos": { cos($0) },
    "Erf": { erf($0) },
    "Exp": { exp($0) },
    "Floor": { $0.rounded(.down) },
    "HardSwish": hardSwish,
    "Log": { log($0) },
    "Mish": { $0 * tanh(log(1 + exp($0))) },
    "Neg": { -$0 },
    "Reciprocal": { 1 / $0 },
    "Relu": { max($0, 0) },
    "Round": { $0.rounded(.toNearestOrEven) },
    "Sigmoid": sigmoid,
    "Sign": { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
    "Sin": { sin($0) },
    "Softplus": { log(1 + exp($0)) },
    "Softsign": { $0 / (1 + abs($0)) },
    "Sqrt": { $0.squareRoot() },
    "Tanh": { tanh($0) },
  ]
}
