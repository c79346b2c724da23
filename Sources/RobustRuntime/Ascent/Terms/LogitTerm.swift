/// −Σ weight logit.
struct LogitTerm: TermEvaluator {
  let weight: Double
  let classes: [ClassWeight]
  let logits: Int

  var values: [Int] { [logits] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let logits = point.layer(logits)
    for n in point.images {
      for c in classes {
        let place = c.index * logits.plane + logits.start(ofImage: n)
        losses[n] -= weight * c.weight * Double(logits.values[place])
        logits.gradient?[place] -= Float(weight * c.weight)
      }
    }
  }
}
