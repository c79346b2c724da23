/// What a step applies to each value of its output.
enum Activation: Sendable {
  case identity
  /// max(x, 0)
  case relu
}
