import CKernels

/// ‖w (F(x) − F*)‖, divided by ‖w F*‖ if relative, with a factor w for each channel. Where the distance is 0 the
/// gradient is taken as 0.
struct RepresentationTerm: TermEvaluator {
  private let weight: Double
  private let layer: Int
  /// [image][channel][row][column]
  private let target: FeatureMap
  /// What the distance of each image of the target is multiplied with.
  private let scales: [Double]
  /// The squares of w.
  private let channelWeights: [Double]

  /// - Parameter channelWeights: w of each channel; empty: 1.
  init(weight: Double, layer: Int, target: FeatureMap, relative: Bool, channelWeights: [Float]) {
    (self.weight, self.layer, self.target) = (weight, layer, target)
    let squares =
      channelWeights.isEmpty
      ? [Double](repeating: 1, count: target.channels) : channelWeights.map { Double($0) * Double($0) }
    self.channelWeights = squares
    let area = target.height * target.width
    scales = (0..<target.count).map { n in
      guard relative else { return 1 }
      let norm = target.values.withUnsafeBufferPointer { values in
        (0..<target.channels).reduce(0) {
          $0 + squares[$1] * rt_sum_squares(values.baseAddress! + (n * target.channels + $1) * area, area)
        }
      }
      return 1 / max(norm.squareRoot(), 1e-12)
    }
  }

  var values: [Int] { [layer] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let planes = point.layer(layer)
    let (channels, plane, area) = (planes.shape.channels, planes.plane, planes.area)
    for n in point.images {
      let (which, place) = (target.count == 1 ? 0 : n, planes.start(ofImage: n))
      target.values.withUnsafeBufferPointer { target in
        let target = target.baseAddress! + which * channels * area
        var squares = 0.0
        for c in 0..<channels {
          squares +=
            channelWeights[c]
            * rt_squared_distance(planes.values + c * plane + place, target + c * area, area)
        }
        let distance = squares.squareRoot()
        losses[n] += weight * scales[which] * distance
        guard let gradient = planes.gradient, distance > 0 else { return }
        for c in 0..<channels {
          let factor = Float(weight * scales[which] * channelWeights[c] / distance)
          let start = c * plane + place
          rt_add_scaled(gradient + start, planes.values + start, factor, area)
          rt_add_scaled(gradient + start, target + c * area, -factor, area)
        }
      }
    }
  }
}
