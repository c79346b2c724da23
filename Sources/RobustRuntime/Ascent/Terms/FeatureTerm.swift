import CKernels

/// Minus the mean of one channel over positions, weighted by a region. 0 if the region is empty.
final class FeatureTerm: TermEvaluator {
  private let weight: Double
  private let layer, unit: Int
  private var positions: PositionWeights

  init(weight: Double, layer: Int, unit: Int, positions: PositionWeights) {
    (self.weight, self.layer, self.unit, self.positions) = (weight, layer, unit, positions)
  }

  var values: [Int] { [layer] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let planes = point.layer(layer)
    let area = planes.area
    for n in point.images {
      positions.update(image: n, view: point.view(ofImage: n))
      guard positions.sum > 0 else { continue }
      let start = unit * planes.plane + planes.start(ofImage: n)
      losses[n] -= weight * rt_dot(planes.values + start, positions.values, area) / positions.sum
      if let gradient = planes.gradient {
        rt_add_scaled(gradient + start, positions.values, Float(-weight / positions.sum), area)
      }
    }
  }
}
