import CKernels

/// Total variation: the mean over pixels of region · √(dx² + dy² + 1e-6), channels inside the root.
struct SmoothnessTerm: TermEvaluator {
  let weight: Double
  let region: Region?

  var values: [Int] { [] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let area = point.area
    let scale = weight / Double(area)
    func add(_ n: Int, _ region: UnsafePointer<Float>?) {
      losses[n] +=
        scale
        * rt_total_variation(
          point.pixels + 3 * n * area, region, Int32(point.height), Int32(point.width), Float(scale),
          point.pixelGradient.map { $0 + 3 * n * area })
    }
    for n in 0..<point.images {
      if let region {
        region.values.withUnsafeBufferPointer { add(n, $0.baseAddress! + (region.count == 1 ? 0 : n) * area) }
      } else {
        add(n, nil)
      }
    }
  }
}
