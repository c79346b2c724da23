import Glibc

/// What the classifier makes of an image.
public struct Prediction: Sendable {
  public let logits: [Float]
  /// The softmax of the logits.
  public let probabilities: [Double]

  public init(logits: [Float]) {
    self.logits = logits
    let highest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - highest) }
    let sum = powers.reduce(0, +)
    probabilities = powers.map { $0 / sum }
  }

  /// Classes from the likeliest to the least likely.
  public var ranking: [Int] {
    logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
  }

  public var best: Int { ranking[0] }

  /// How undecided it is, in bits: 0 where one class has all the probability.
  public var entropy: Double {
    probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log2($1) : $0 }
  }
}

extension Host {
  /// What the classifier makes of an image of 3 channels, at the size it has.
  public func prediction(_ image: Image) throws -> Prediction { Prediction(logits: try logits(image)) }
}
