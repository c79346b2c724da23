/// −Σ weight log p. Its gradient by the logits is (Σ weight) p − weight.
final class CrossEntropyTerm: TermEvaluator {
  private let weight: Double
  private let classes: [ClassWeight]
  private let logits: Int
  private var softmax: Softmax
  /// Mean over the batch of the probability of its classes, when last evaluated.
  private(set) var probability = 0.0

  init(weight: Double, classes: [ClassWeight], logits: Int, classCount: Int) {
    (self.weight, self.classes, self.logits) = (weight, classes, logits)
    softmax = Softmax(classes: classCount)
  }

  var values: [Int] { [logits] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let logits = point.layer(logits)
    let total = classes.reduce(0) { $0 + $1.weight }
    if point.images.lowerBound == 0 { probability = 0 }
    for n in point.images {
      let place = logits.start(ofImage: n)
      softmax.update(logits, image: n)
      for c in classes {
        losses[n] -= weight * c.weight * softmax.logarithms[c.index]
        probability += softmax.probabilities[c.index] / Double(point.batch)
      }
      guard let gradient = logits.gradient else { continue }
      for (c, p) in softmax.probabilities.enumerated() {
        gradient[c * logits.plane + place] += Float(weight * total * p)
      }
      for c in classes { gradient[c.index * logits.plane + place] -= Float(weight * c.weight) }
    }
  }
}
