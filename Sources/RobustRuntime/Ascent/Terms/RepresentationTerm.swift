import CKernels

/// ‖F(x) − F(target)‖, divided by ‖F(target)‖ if relative. Where the distance is 0 the gradient is taken as
/// 0.
struct RepresentationTerm: TermEvaluator {
  private let weight: Double
  private let layer: Int
  /// [image][channel][row][column]
  private let target: FeatureMap
  /// What the distance of each image of the target is multiplied with.
  private let scales: [Double]

  init(weight: Double, layer: Int, target: FeatureMap, relative: Bool) {
    (self.weight, self.layer, self.target) = (weight, layer, target)
    let size = target.channels * target.height * target.width
    scales = (0..<target.count).map { n in
      let norm = target.values.withUnsafeBufferPointer {
        rt_sum_squares($0.baseAddress! + n * size, size).squareRoot()
      }
      return relative ? 1 / max(norm, 1e-12) : 1
    }
  }

  var values: [Int] { [layer] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let tensor = point.plan.tensors[layer]
    let (channels, plane, area) = (tensor.shape.channels, tensor.plane, tensor.plane / tensor.images)
    for n in 0..<point.images {
      let which = target.count == 1 ? 0 : n
      target.values.withUnsafeBufferPointer { target in
        let target = target.baseAddress! + which * channels * area
        var squares = 0.0
        for c in 0..<channels {
          squares += rt_squared_distance(tensor.value + c * plane + n * area, target + c * area, area)
        }
        let distance = squares.squareRoot()
        losses[n] += weight * scales[which] * distance
        guard let gradient = point.gradients[layer], distance > 0 else { return }
        let factor = Float(weight * scales[which] / distance)
        for c in 0..<channels {
          let start = c * plane + n * area
          rt_add_scaled(gradient + start, tensor.value + start, factor, area)
          rt_add_scaled(gradient + start, target + c * area, -factor, area)
        }
      }
    }
  }
}
