import CKernels

/// Statistics over weighted positions of the features of one image, F: [channel][position].
struct LayerStatistics {
  /// The summand in the root of the deviation, so that a constant channel has a gradient.
  static let epsilon = 1e-8

  private let chosen: Statistics
  private let channels, area: Int
  private var mean, deviation: [Double]
  private var gram, covariance: ProductStatistic?

  /// - Throws: `RuntimeError.unavailable` without OpenBLAS.
  init(_ chosen: Statistics, shape: Shape) throws(RuntimeError) {
    (self.chosen, channels, area) = (chosen, shape.channels, shape.height * shape.width)
    mean = [Double](repeating: 0, count: channels)
    deviation = mean
    if chosen.contains(.gram) { gram = try ProductStatistic(channels: channels, area: area) }
    if chosen.contains(.covariance) { covariance = try ProductStatistic(channels: channels, area: area) }
  }

  /// - Parameter stride: floats from one channel to the next.
  mutating func update(_ features: UnsafePointer<Float>, stride: Int, _ positions: PositionWeights) {
    // An empty region has zeros for statistics.
    let scale = positions.sum > 0 ? 1 / positions.sum : 0
    let (channels, area, chosen) = (channels, area, chosen)
    let centred = covariance?.weighted.base
    let plain = gram?.weighted.base
    mean.withUnsafeMutableBufferPointer { mean in
      deviation.withUnsafeMutableBufferPointer { deviation in
        nonisolated(unsafe) let (mean, deviation) = (mean, deviation)
        positions.values.withUnsafeBufferPointer { values in
          let weights = values.baseAddress!
          Workers.shared.run(channels) { c, _ in
            let row = features + c * stride
            mean[c] = scale * rt_dot(weights, row, area)
            if chosen.contains(.deviation) {
              // About the mean, since the mean of squares less the squared mean would lose the small deviations.
              let squares = rt_weighted_squares(row, weights, mean[c], area)
              deviation[c] = (scale * squares + LayerStatistics.epsilon).squareRoot()
            }
            if let plain { rt_weight_about(plain + c * area, row, weights, 0, area) }
            if let centred { rt_weight_about(centred + c * area, row, weights, Float(mean[c]), area) }
          }
        }
      }
    }
    gram?.update(features, stride: stride, scale: scale)
    covariance?.update(features, stride: stride, scale: scale)
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
      let (mean, deviation, area) = (mean, deviation, area)
      Workers.shared.run(channels) { c, _ in
        let byMean = meanScale * (mean[c] - target.mean[c])
        let byDeviation =
          deviationScale == 0 ? 0 : deviationScale * (deviation[c] - target.deviation[c]) / deviation[c]
        let (slope, offset) = (Float(byDeviation), Float(byMean - byDeviation * mean[c]))
        rt_add_weighted(gradient + c * stride, positions.values, features + c * stride, slope, offset, area)
      }
    }
    if let target = target.gram { gram?.addGradient(to: gradient, stride: stride, target, share: share) }
    if let target = target.covariance {
      covariance?.addGradient(to: gradient, stride: stride, target, share: share)
    }
  }
}
