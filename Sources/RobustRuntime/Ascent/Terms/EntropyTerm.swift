/// H = −Σ p log p. Its gradient by logit k is −p (log p + H).
final class EntropyTerm: TermEvaluator {
  private let weight: Double
  private let logits: Int
  private var softmax: Softmax

  init(weight: Double, logits: Int, classCount: Int) {
    (self.weight, self.logits) = (weight, logits)
    softmax = Softmax(classes: classCount)
  }

  var values: [Int] { [logits] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let logits = point.layer(logits)
    for n in point.images {
      let place = logits.start(ofImage: n)
      softmax.update(logits, image: n)
      let (p, logarithms) = (softmax.probabilities, softmax.logarithms)
      var entropy = 0.0
      for c in p.indices { entropy -= p[c] * logarithms[c] }
      losses[n] += weight * entropy
      guard let gradient = logits.gradient else { continue }
      for c in p.indices {
        gradient[c * logits.plane + place] -= Float(weight * p[c] * (logarithms[c] + entropy))
      }
    }
  }
}
