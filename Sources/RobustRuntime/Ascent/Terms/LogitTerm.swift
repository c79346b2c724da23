/// −Σ weight logit.
struct LogitTerm: TermEvaluator {
  let weight: Double
  let classes: [ClassWeight]
  let logits: Int

  var values: [Int] { [logits] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let logits = point.layer(logits)
    for n in 0..<point.images {
      for c in classes {
        losses[n] -= weight * c.weight * Double(logits.values[c.index * logits.images + n])
        logits.gradient?[c.index * logits.images + n] -= Float(weight * c.weight)
      }
    }
  }
}
