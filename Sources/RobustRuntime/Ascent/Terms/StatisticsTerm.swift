import CKernels

/// For each chosen statistic S of the features over a region, and S* of a target: ‖S − S*‖² / (‖S*‖² +
/// 1e-12).
final class StatisticsTerm: TermEvaluator {
  private let weight: Double
  private let layer: Int
  private let chosen: Statistics
  /// The statistics of the target, one or one for each image.
  private let targets: [LayerStatistics]
  private var positions: PositionWeights
  private var statistics: LayerStatistics

  init(
    weight: Double, layer: Int, chosen: Statistics, targets: [LayerStatistics], positions: PositionWeights,
    shape: Shape
  ) throws(RuntimeError) {
    (self.weight, self.layer, self.chosen, self.targets, self.positions) = (
      weight, layer, chosen, targets, positions
    )
    statistics = try LayerStatistics(chosen, shape: shape)
  }

  var values: [Int] { [layer] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let planes = point.layer(layer)
    for n in point.images {
      positions.update(image: n, view: point.view(ofImage: n))
      let place = planes.start(ofImage: n)
      let target = targets[targets.count == 1 ? 0 : n]
      statistics.update(planes.values + place, stride: planes.plane, positions)
      losses[n] += weight * statistics.distance(to: target)
      if let gradient = planes.gradient {
        statistics.addGradient(
          to: gradient + place, of: planes.values + place, stride: planes.plane, target, weight: weight,
          positions)
      }
    }
  }
}
