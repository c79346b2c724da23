/// The order in which photos are learned from. In each epoch small classes are shown more often than large
/// ones, though not as often: a photo's share falls with the square root of the number of photos of its
/// class. An epoch is a pure function of the seed and its number.
package struct PhotoOrder: Sendable {
  private let labels: [Int]
  private let expected: [Double]
  private let seed: UInt64

  /// - Parameter labels: the class of each photo.
  /// - Precondition: there is a photo.
  package init(labels: [Int], seed: UInt64) {
    (self.labels, self.seed) = (labels, seed)
    var counts: [Int: Int] = [:]
    for label in labels { counts[label, default: 0] += 1 }
    let weights = labels.map { 1 / Double(counts[$0]!).squareRoot() }
    let scale = Double(labels.count) / weights.reduce(0, +)
    expected = weights.map { $0 * scale }
  }

  /// The photos of an epoch, about as many as there are, in their order.
  package func epoch(_ number: Int) -> [Int] {
    // The upper half keeps the streams apart from others with the same seed.
    let random = Philox(seed: seed, stream: 0x6F72_6465 << 32 | UInt64(number))
    let chances = random.uniform(count: labels.count)
    var order: [Int] = []
    order.reserveCapacity(labels.count + labels.count / 8)
    for (photo, count) in expected.enumerated() {
      let whole = count.rounded(.down)
      let shown = Int(whole) + (Double(chances[photo]) < count - whole ? 1 : 0)
      for _ in 0..<shown { order.append(photo) }
    }
    if order.isEmpty { order = Array(labels.indices) }
    // Fisher and Yates, with words that follow those used above.
    let first = UInt64(labels.count / 4 + 1)
    for k in stride(from: order.count - 1, to: 0, by: -1) {
      let word = UInt64(random.words(first + UInt64(k / 4))[k % 4])
      order.swapAt(k, Int((word * UInt64(k + 1)) >> 32))
    }
    return order
  }
}
