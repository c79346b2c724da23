import CKernels

/// The mean over the target's pixels and channels of (region · (D(x) − target))², for a known degradation D.
struct MeasurementTerm: TermEvaluator {
  let weight: Double
  let reduction: Reduction
  let target: ImageBatch
  /// The region, of the target's size.
  let region: Region?

  var values: [Int] { [] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let area = target.height * target.width
    let difference = Buffer(area)
    let scale = weight / Double(3 * area)
    for n in point.images {
      let which = target.count == 1 ? 0 : n
      for c in 0..<3 {
        let plane = (3 * n + c) * point.area
        reduction.apply(point.pixels + plane, to: difference.base)
        target.pixels.withUnsafeBufferPointer {
          rt_add_scaled(difference.base, $0.baseAddress! + (3 * which + c) * area, -1, area)
        }
        multiplyByRegion(difference.base, image: n)
        losses[n] += scale * rt_sum_squares(difference.base, area)
        guard let gradient = point.pixelGradient else { continue }
        multiplyByRegion(difference.base, image: n)
        reduction.addTransposed(difference.base, factor: Float(2 * scale), to: gradient + plane)
      }
    }
  }

  private func multiplyByRegion(_ difference: UnsafeMutablePointer<Float>, image: Int) {
    guard let region else { return }
    let area = region.height * region.width
    region.values.withUnsafeBufferPointer {
      rt_multiply(difference, $0.baseAddress! + (region.count == 1 ? 0 : image) * area, area)
    }
  }
}
