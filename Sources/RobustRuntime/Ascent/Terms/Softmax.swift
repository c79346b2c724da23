import Glibc

/// The softmax of one image's logits, and its logarithm.
struct Softmax {
  private(set) var probabilities, logarithms: [Double]

  init(classes: Int) {
    probabilities = [Double](repeating: 0, count: classes)
    logarithms = probabilities
  }

  /// - Parameter logits: [class][image], of which that of one image is read.
  mutating func update(_ logits: Planes, image: Int) {
    let (classes, start) = (logits.shape.channels, logits.start(ofImage: image))
    var largest = -Double.infinity
    for c in 0..<classes {
      logarithms[c] = Double(logits.values[c * logits.plane + start])
      largest = max(largest, logarithms[c])
    }
    var sum = 0.0
    for c in 0..<classes { sum += exp(logarithms[c] - largest) }
    let normalizer = largest + log(sum)
    for c in 0..<classes {
      logarithms[c] -= normalizer
      probabilities[c] = exp(logarithms[c])
    }
  }
}
