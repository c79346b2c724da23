/// Checks the gradients that a custom term fills in against finite differences of its loss: along the gradient itself,
/// along the values, and along random directions.
struct GradientCheck {
  private let evaluation: BridgedEvaluation
  private let layers: [String]
  /// Fills in an evaluation; another status than 0 is a failure.
  private let fill: (BridgedEvaluation) -> Int32

  /// Steps as shares of what the values usually are. A kink of the loss may lie within one of them, not within both.
  private static let steps = [1e-2, 1e-3]
  private static let directions = 3
  private static let tolerance = 0.05
  /// What is lost to rounding, of the loss.
  private static let rounding = 2e-6

  /// - Parameter evaluation: filled in.
  init(_ evaluation: BridgedEvaluation, layers: [String], fill: @escaping (BridgedEvaluation) -> Int32) {
    (self.evaluation, self.layers, self.fill) = (evaluation, layers, fill)
  }

  /// - Throws: a misuse where a gradient is none.
  func run() throws {
    try check("the image") { $0.image }
    try check("the logits") { $0.logits }
    for (index, layer) in layers.enumerated() { try check("layer \(layer)") { $0.features[index] } }
  }

  private func check(_ name: String, _ block: (BridgedEvaluation) -> BridgedEvaluation.Block) throws {
    let (values, gradient) = (block(evaluation).values, block(evaluation).gradient)
    let length = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length.isFinite else { throw Failure.misuse("a custom term's gradient by \(name) is no number") }
    let usual = (values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(values.count, 1)))
      .squareRoot()
    let scale = usual > 0 ? usual : 1
    var random = SplitMix(seed: 1)
    if length > 0 {
      let factor = scale * Double(values.count).squareRoot() / length
      try judge([gradient.map { Float(factor * Double($0)) }], name, block)
    }
    // What was left out shows where all values move together.
    try judge([values.map { _ in Float(scale) }], name, block)
    try judge([Array(values)], name, block)
    try judge(
      (0..<Self.directions).map { _ in
        values.map { _ in Float(Bool.random(using: &random) ? scale : -scale) }
      }, name, block)
  }

  /// Throws where the gradient is at odds with the loss along all directions and at all steps that tell anything.
  private func judge(
    _ directions: [[Float]], _ name: String, _ block: (BridgedEvaluation) -> BridgedEvaluation.Block
  ) throws {
    var odd: (told: Double, found: Double)?
    for direction in directions {
      let told = zip(block(evaluation).gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      for step in Self.steps {
        guard let ahead = loss(step, along: direction, block),
          let behind = loss(-step, along: direction, block)
        else { return }
        let found = (ahead - behind) / (2 * step)
        let floor = Self.rounding * max(abs(ahead), abs(behind)) / step
        let size = max(abs(told), abs(found))
        if size <= 4 * floor || size == 0 { continue }
        if abs(told - found) <= Self.tolerance * size + floor { return }
        odd = odd ?? (told, found)
      }
    }
    guard let odd else { return }
    throw Failure.misuse(
      "a custom term's gradient with respect to \(name) does not match its loss: along one direction "
        + "the gradient predicts \(short(odd.told)), but the loss changes by \(short(odd.found))")
  }

  private func loss(
    _ step: Double, along direction: [Float], _ block: (BridgedEvaluation) -> BridgedEvaluation.Block
  ) -> Double? {
    let moved = BridgedEvaluation(copying: evaluation)
    let values = block(moved).values
    for index in values.indices { values[index] += Float(step) * direction[index] }
    return fill(moved) == 0 && moved.loss.isFinite ? moved.loss : nil
  }

  private func short(_ number: Double) -> String { shortText(number) }
}
