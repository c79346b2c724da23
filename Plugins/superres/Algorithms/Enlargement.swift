/// The way from one size to a larger one: whole factors, one after the other, and what is left to be reduced at the end.
package struct Enlargement: Equatable {
  /// Pixels of the result.
  package let width, height: Int
  /// Each in 2...8. Their product reaches the size; the last stage's image is reduced to it where it is larger.
  package let stages: [Int]
  /// Whether the stages alone reach the size.
  package let isWhole: Bool

  package static let largestFactor = 64.0

  /// nil: `width` and `height` are no more than those of the image, or more than `largestFactor` times them.
  package init?(from small: (width: Int, height: Int), to size: (width: Int, height: Int)) {
    let factor = max(
      Double(size.width) / Double(small.width), Double(size.height) / Double(small.height))
    guard factor > 1, factor <= Self.largestFactor, size.width >= small.width, size.height >= small.height
    else { return nil }
    (width, height) = size
    stages = Self.stages(reaching: factor)
    let product = stages.reduce(1, *)
    isWhole = size == (small.width * product, small.height * product)
  }

  /// One factor up to 8, else the two of the least product, and of those the two that are most alike.
  private static func stages(reaching factor: Double) -> [Int] {
    // An aspect that was rounded may be a hair beyond.
    let factor = factor - 1e-9
    if factor <= 8 { return [max(Int(factor.rounded(.up)), 2)] }
    var best = [8, 8]
    for first in 2...8 {
      for second in 2...first where Double(first * second) >= factor {
        let product = best[0] * best[1]
        if (first * second, first - second) < (product, best[0] - best[1]) { best = [first, second] }
      }
    }
    return best
  }
}
