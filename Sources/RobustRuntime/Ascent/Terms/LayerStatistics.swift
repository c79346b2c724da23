import CKernels
import COpenBLAS

/// Statistics over weighted positions of the features of one image, F: [channel][position].
struct LayerStatistics {
  /// In the root of the deviation, so that a constant channel has a gradient.
  static let epsilon = 1e-8

  private let chosen: Statistics
  private let channels, area: Int
  private var mean, deviation: [Double]
  private var gram, covariance: ProductStatistic?

  init(_ chosen: Statistics, shape: Shape) {
    (self.chosen, channels, area) = (chosen, shape.channels, shape.height * shape.width)
    mean = [Double](repeating: 0, count: channels)
    deviation = mean
    if chosen.contains(.gram) { gram = ProductStatistic(channels: channels, area: area) }
    if chosen.contains(.covariance) { covariance = ProductStatistic(channels: channels, area: area) }
  }

  /// - Parameter stride: floats from one channel to the next.
  mutating func update(_ features: UnsafePointer<Float>, stride: Int, _ positions: PositionWeights) {
    // An empty region has zeros for statistics.
    let scale = positions.sum > 0 ? 1 / positions.sum : 0
    for c in 0..<channels {
      let row = features + c * stride
      var sum = 0.0
      for p in 0..<area { sum += Double(positions.values[p] * row[p]) }
      mean[c] = scale * sum
      guard chosen.contains(.deviation) else { continue }
      // About the mean, since the mean of squares less the squared mean would lose the small deviations.
      var squares = 0.0
      for p in 0..<area {
        let difference = Double(row[p]) - mean[c]
        squares += Double(positions.values[p]) * difference * difference
      }
      deviation[c] = (scale * squares + LayerStatistics.epsilon).squareRoot()
    }
    gram?.update(features, stride: stride, positions, scale: scale, means: nil)
    covariance?.update(features, stride: stride, positions, scale: scale, means: mean)
  }

  func distance(to target: LayerStatistics) -> Double {
    var sum = 0.0
    func relative(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / LayerStatistics.scale(of: b)
    }
    if chosen.contains(.mean) { sum += relative(mean, target.mean) }
    if chosen.contains(.deviation) { sum += relative(deviation, target.deviation) }
    if let gram, let target = target.gram { sum += gram.distance(to: target) }
    if let covariance, let target = target.covariance { sum += covariance.distance(to: target) }
    return sum
  }

  private static func scale(of target: [Double]) -> Double { target.reduce(1e-12) { $0 + $1 * $1 } }

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
        let byDeviation =
          deviationScale == 0 ? 0 : deviationScale * (deviation[c] - target.deviation[c]) / deviation[c]
        let (slope, offset) = (Float(byDeviation), Float(byMean - byDeviation * mean[c]))
        let (row, out) = (features + c * stride, gradient + c * stride)
        for p in 0..<area { out[p] += positions.values[p] * (slope * row[p] + offset) }
      }
    }
    if let target = target.gram { gram?.addGradient(to: gradient, stride: stride, target, share: share) }
    if let target = target.covariance {
      covariance?.addGradient(to: gradient, stride: stride, target, share: share)
    }
  }
}

/// The weighted mean over positions of the products of each two channels: the Gram matrix, or, about the means, the
/// covariance.
private struct ProductStatistic {
  private let channels, area: Int
  /// [channel][channel], symmetric.
  private var matrix, difference: [Float]
  /// The features, about their means where these count, with each position weighted: [channel][position].
  private var weighted: [Float]

  init(channels: Int, area: Int) {
    (self.channels, self.area) = (channels, area)
    matrix = [Float](repeating: 0, count: channels * channels)
    difference = matrix
    weighted = [Float](repeating: 0, count: channels * area)
  }

  /// - Parameter means: of the channels, for the covariance; nil: the Gram matrix.
  mutating func update(
    _ features: UnsafePointer<Float>, stride: Int, _ positions: PositionWeights, scale: Double,
    means: [Double]?
  ) {
    weighted.withUnsafeMutableBufferPointer { weighted in
      for c in 0..<channels {
        let (row, out) = (features + c * stride, weighted.baseAddress! + c * area)
        let mean = Float(means?[c] ?? 0)
        for p in 0..<area { out[p] = positions.values[p] * (row[p] - mean) }
      }
    }
    // One factor about its mean is enough: the weighted sum of the deviations times the other's mean is 0.
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(channels), blasint(channels), blasint(area),
      Float(scale),
      weighted, blasint(area), features, blasint(stride), 0, &matrix, blasint(channels))
  }

  func distance(to target: ProductStatistic) -> Double {
    rt_squared_distance(matrix, target.matrix, matrix.count) / target.scale
  }

  private var scale: Double { rt_sum_squares(matrix, matrix.count) + 1e-12 }

  mutating func addGradient(
    to gradient: UnsafeMutablePointer<Float>, stride: Int, _ target: ProductStatistic, share: Double
  ) {
    for i in matrix.indices { difference[i] = matrix[i] - target.matrix[i] }
    // The matrix is symmetric: each feature stands in a row and in a column.
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(channels), blasint(area), blasint(channels),
      Float(2 * share / target.scale), difference, blasint(channels), weighted, blasint(area), 1, gradient,
      blasint(stride))
  }
}
