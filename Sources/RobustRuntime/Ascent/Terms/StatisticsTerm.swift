import CKernels
import COpenBLAS

/// For each chosen statistic S of the features over a region, and S* of a target: ‖S − S*‖² / (‖S*‖² +
/// 1e-12).
final class StatisticsTerm: TermEvaluator {
  private let weight: Double
  private let layer: Int
  private let chosen: Statistics
  /// One, or one for each image.
  private let targets: [LayerStatistics]
  private var positions: PositionWeights
  private var statistics: LayerStatistics

  init(
    weight: Double, layer: Int, chosen: Statistics, targets: [LayerStatistics], positions: PositionWeights,
    shape: Shape
  ) {
    (self.weight, self.layer, self.chosen, self.targets, self.positions) = (
      weight, layer, chosen, targets, positions
    )
    statistics = LayerStatistics(chosen, shape: shape)
  }

  var values: [Int] { [layer] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let tensor = point.plan.tensors[layer]
    let area = tensor.plane / tensor.images
    for n in 0..<point.images {
      positions.update(image: n, move: point.moves.isEmpty ? Move(x: 0, y: 0) : point.moves[n])
      let target = targets[targets.count == 1 ? 0 : n]
      statistics.update(tensor.value + n * area, stride: tensor.plane, positions)
      losses[n] += weight * statistics.distance(to: target)
      if let gradient = point.gradients[layer] {
        statistics.addGradient(
          to: gradient + n * area, of: tensor.value + n * area, stride: tensor.plane, target, weight: weight,
          positions)
      }
    }
  }
}

/// Statistics over weighted positions of the features of one image, F: [channel][position].
struct LayerStatistics {
  /// In the root of the deviation, so that a constant channel has a gradient.
  static let epsilon = 1e-8

  private let chosen: Statistics
  private let channels, area: Int
  private var mean, deviation: [Double]
  /// [channel][channel]
  private var gram: [Float]
  /// F with each position weighted, as the Gram matrix and its gradient need it: [channel][position].
  private var weighted: [Float]
  private var difference: [Float]

  init(_ chosen: Statistics, shape: Shape) {
    (self.chosen, channels, area) = (chosen, shape.channels, shape.height * shape.width)
    mean = [Double](repeating: 0, count: channels)
    deviation = mean
    let hasGram = chosen.contains(.gram)
    gram = [Float](repeating: 0, count: hasGram ? channels * channels : 0)
    difference = gram
    weighted = [Float](repeating: 0, count: channels * area)
  }

  /// - Parameter stride: floats from one channel to the next.
  mutating func update(_ features: UnsafePointer<Float>, stride: Int, _ positions: PositionWeights) {
    // An empty region has zeros for statistics.
    let scale = positions.sum > 0 ? 1 / positions.sum : 0
    for c in 0..<channels {
      let row = features + c * stride
      weighted.withUnsafeMutableBufferPointer {
        let out = $0.baseAddress! + c * area
        rt_copy(out, row, area)
        rt_multiply(out, positions.values, area)
        mean[c] = scale * rt_sum(out, area)
        // About the mean, since the mean of squares less the squared mean would lose the small deviations.
        var squares = 0.0
        for p in 0..<area {
          let difference = Double(row[p]) - mean[c]
          squares += Double(positions.values[p]) * difference * difference
        }
        deviation[c] = (scale * squares + LayerStatistics.epsilon).squareRoot()
      }
    }
    if chosen.contains(.gram) {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(channels), blasint(channels), blasint(area),
        Float(scale),
        weighted, blasint(area), features, blasint(stride), 0, &gram, blasint(channels))
    }
  }

  func distance(to target: LayerStatistics) -> Double {
    var sum = 0.0
    func relative(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / LayerStatistics.scale(of: b)
    }
    if chosen.contains(.mean) { sum += relative(mean, target.mean) }
    if chosen.contains(.deviation) { sum += relative(deviation, target.deviation) }
    if chosen.contains(.gram) {
      sum += rt_squared_distance(gram, target.gram, gram.count) / LayerStatistics.scale(of: target.gram)
    }
    return sum
  }

  private static func scale(of target: [Double]) -> Double { target.reduce(1e-12) { $0 + $1 * $1 } }
  private static func scale(of target: [Float]) -> Double { rt_sum_squares(target, target.count) + 1e-12 }

  /// Adds the gradient of `weight` times the distance by the features, [channel][position], `stride` apart.
  mutating func addGradient(
    to gradient: UnsafeMutablePointer<Float>, of features: UnsafePointer<Float>, stride: Int,
    _ target: LayerStatistics, weight: Double, _ positions: PositionWeights
  ) {
    guard positions.sum > 0 else { return }
    let share = 2 * weight / positions.sum
    let meanScale = chosen.contains(.mean) ? share / LayerStatistics.scale(of: target.mean) : 0
    let deviationScale = chosen.contains(.deviation) ? share / LayerStatistics.scale(of: target.deviation) : 0
    if meanScale != 0 || deviationScale != 0 {
      for c in 0..<channels {
        let byMean = meanScale * (mean[c] - target.mean[c])
        let byDeviation = deviationScale * (deviation[c] - target.deviation[c]) / deviation[c]
        let (slope, offset) = (Float(byDeviation), Float(byMean - byDeviation * mean[c]))
        let (row, out) = (features + c * stride, gradient + c * stride)
        for p in 0..<area { out[p] += positions.values[p] * (slope * row[p] + offset) }
      }
    }
    if chosen.contains(.gram) {
      for i in gram.indices { difference[i] = gram[i] - target.gram[i] }
      // The Gram matrix is symmetric: each feature stands in a row and in a column.
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(channels), blasint(area), blasint(channels),
        Float(2 * share / LayerStatistics.scale(of: target.gram)), difference, blasint(channels), weighted,
        blasint(area), 1, gradient, blasint(stride))
    }
  }
}
