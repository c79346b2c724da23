/// What an attack is after.
struct Goal {
  /// What the photo is taken for.
  let from: Int
  /// What it is to be taken for; nil: anything else.
  let to: Int?

  /// The logits differ between programs by less: a result is taken for another class by all of them.
  static let rounding: Float = 2e-4

  /// The class that is to win, and the one that it has to overtake.
  /// - Parameter rival: the class to win where any but one will do; nil: the likeliest.
  func contest(_ logits: [Float], rival: Int? = nil) -> (winner: Int, loser: Int) {
    let fixed = to ?? from
    let other = logits.indices.filter { $0 != fixed }.max { logits[$0] < logits[$1] }!
    return to == nil ? (rival ?? other, fixed) : (fixed, other)
  }

  /// How far the logits are beyond the goal; negative: it is not reached.
  func lead(_ logits: [Float]) -> Float {
    let (winner, loser) = contest(logits)
    return logits[winner] - logits[loser]
  }

  func isReached(_ logits: [Float]) -> Bool { lead(logits) > Goal.rounding }
}
