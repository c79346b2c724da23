import Glibc

/// What is learned from the logits of a batch: cross-entropy with smoothed labels, or the loss of TRADES.
/// Logits and their gradients are [class][image], as the last tensor of a plan has them.
package struct TrainingLoss {
  let classes, images: Int

  package init(classes: Int, images: Int) { (self.classes, self.images) = (classes, images) }

  /// log softmax of each image.
  package func logProbabilities(_ logits: [Float]) -> [Double] {
    var result = [Double](repeating: 0, count: logits.count)
    for n in 0..<images {
      let values = (0..<classes).map { Double(logits[$0 * images + n]) }
      let largest = values.max()!
      let log = largest + Glibc.log(values.reduce(0) { $0 + exp($1 - largest) })
      for c in 0..<classes { result[c * images + n] = values[c] - log }
    }
    return result
  }

  /// Images whose greatest logit is that of their label.
  package func correct(_ logits: [Float], _ labels: [Int]) -> Int {
    (0..<images).count { n in
      let own = logits[labels[n] * images + n]
      return (0..<classes).allSatisfy { $0 == labels[n] || logits[$0 * images + n] < own }
    }
  }

  /// The mean over the images of −Σ t log p, where the target t is 1 − smoothing + smoothing / classes at the
  /// label and smoothing / classes elsewhere. Its gradient by the logits is (p − t) / images.
  package func crossEntropy(
    _ logs: [Double], _ labels: [Int], smoothing: Double
  ) -> (loss: Double, gradient: [Float]) {
    var (loss, gradient) = (0.0, [Float](repeating: 0, count: logs.count))
    for n in 0..<images {
      for c in 0..<classes {
        let target = smoothing / Double(classes) + (c == labels[n] ? 1 - smoothing : 0)
        let log = logs[c * images + n]
        loss -= target * log
        gradient[c * images + n] = Float((exp(log) - target) / Double(images))
      }
    }
    return (loss / Double(images), gradient)
  }

  /// The mean over the images of Σ p (log p − log q), and its gradients by both logits: p (log p − log q −
  /// KL) / images and (q − p) / images.
  package func divergence(_ p: [Double], _ q: [Double]) -> (loss: Double, ofP: [Float], ofQ: [Float]) {
    var ofP = [Float](repeating: 0, count: p.count)
    var (ofQ, loss) = (ofP, 0.0)
    for n in 0..<images {
      var own = 0.0
      for k in stride(from: n, to: p.count, by: images) { own += exp(p[k]) * (p[k] - q[k]) }
      for k in stride(from: n, to: p.count, by: images) {
        ofP[k] = Float(exp(p[k]) * (p[k] - q[k] - own) / Double(images))
        ofQ[k] = Float((exp(q[k]) - exp(p[k])) / Double(images))
      }
      loss += own
    }
    return (loss / Double(images), ofP, ofQ)
  }
}
