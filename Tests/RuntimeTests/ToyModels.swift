import Glibc
import RobustRuntime

/// z = W x + b over the values of small images, so that minimal perturbations are known.
final class LinearLogits: LogitFunction {
  let classCount, height, width, capacity: Int
  /// [class][value]
  let weights: [[Double]]
  let biases: [Double]
  /// Is told of each point.
  var sees: ([Float]) -> Void = { _ in }

  init(_ name: String, classes: Int, side: Int, capacity: Int, biases: [Double]? = nil) {
    (classCount, height, width, self.capacity) = (classes, side, side, capacity)
    weights = (0..<classes).map { c in uniform("\(name).\(c)", 3 * side * side).map { 2 * Double($0) - 1 } }
    self.biases = biases ?? [Double](repeating: 0, count: classes)
  }

  var values: Int { 3 * height * width }

  func exactLogits(_ x: [Float]) -> [Double] {
    zip(weights, biases).map { w, b in zip(w, x).reduce(b) { $0 + $1.0 * Double($1.1) } }
  }

  func logits(of pixels: UnsafePointer<Float>, count: Int, to logits: UnsafeMutablePointer<Float>) {
    for n in 0..<count {
      let x = Array(UnsafeBufferPointer(start: pixels + n * values, count: values))
      sees(x)
      for (c, z) in exactLogits(x).enumerated() { logits[n * classCount + c] = Float(z) }
    }
  }

  func gradient(
    ofLogits gradient: UnsafePointer<Float>, count: Int, to pixels: UnsafeMutablePointer<Float>
  ) {
    for n in 0..<count {
      for i in 0..<values {
        let sum = (0..<classCount).reduce(0) { $0 + Double(gradient[n * classCount + $1]) * weights[$1][i] }
        pixels[n * values + i] = Float(sum)
      }
    }
  }
}

/// Two layers with tanh between, in double precision: each image by itself, whatever stands beside it.
final class CurvedLogits: LogitFunction {
  let classCount, height, width, capacity: Int
  private let first, second: [[Double]]
  private var hidden: [[Double]] = []

  init(classes: Int = 5, side: Int = 4, units: Int = 12, capacity: Int) {
    (classCount, height, width, self.capacity) = (classes, side, side, capacity)
    func matrix(_ name: String, _ rows: Int, _ columns: Int, _ scale: Double) -> [[Double]] {
      (0..<rows).map { uniform("\(name).\($0)", columns).map { scale * (2 * Double($0) - 1) } }
    }
    first = matrix("first", units, 3 * side * side, 1)
    second = matrix("second", classes, units, 2)
  }

  private var values: Int { 3 * height * width }

  func logits(of pixels: UnsafePointer<Float>, count: Int, to logits: UnsafeMutablePointer<Float>) {
    hidden = (0..<count).map { n in
      first.map { row in
        tanh(row.indices.reduce(0) { $0 + row[$1] * (Double(pixels[n * values + $1]) - 0.5) })
      }
    }
    for n in 0..<count {
      for (c, row) in second.enumerated() {
        logits[n * classCount + c] = Float(zip(row, hidden[n]).reduce(0) { $0 + $1.0 * $1.1 })
      }
    }
  }

  func gradient(
    ofLogits gradient: UnsafePointer<Float>, count: Int, to pixels: UnsafeMutablePointer<Float>
  ) {
    for n in 0..<count {
      let inner = hidden[n].enumerated().map { u, h in
        (1 - h * h)
          * (0..<classCount).reduce(0) { $0 + Double(gradient[n * classCount + $1]) * second[$1][u] }
      }
      for i in 0..<values {
        pixels[n * values + i] = Float(inner.indices.reduce(0) { $0 + inner[$1] * first[$1][i] })
      }
    }
  }

  /// Images with the classes that this function takes them for.
  func ownImages(_ count: Int) -> LabelledImages {
    let images = image("own", count, height, width)
    var labels: [Int] = []
    for n in 0..<count {
      var z = [Float](repeating: 0, count: classCount)
      images.pixels.withUnsafeBufferPointer {
        logits(of: $0.baseAddress! + n * values, count: 1, to: &z)
      }
      labels.append(z.indices.max { z[$0] < z[$1] }!)
    }
    return LabelledImages(images, labels: labels)
  }
}
