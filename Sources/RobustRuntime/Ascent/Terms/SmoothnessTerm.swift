import CKernels
import PixelGrid

/// Total variation: the mean over pixels of region · √(dx² + dy² + 1e-6), channels inside the root.
struct SmoothnessTerm: TermEvaluator {
  let weight: Double
  let region: Region?
  let boundary: Boundary

  var values: [Int] { [] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let area = point.area
    let scale = weight / Double(area)
    func add(_ n: Int, _ region: UnsafePointer<Float>?) {
      let (pixels, gradient) = (point.pixels + 3 * n * area, point.pixelGradient.map { $0 + 3 * n * area })
      func variation(
        _ pixels: UnsafePointer<Float>, _ region: UnsafePointer<Float>?, _ height: Int, _ width: Int,
        _ gradient: UnsafeMutablePointer<Float>?
      ) -> Double {
        rt_total_variation(pixels, region, Int32(height), Int32(width), Float(scale), gradient)
      }
      guard boundary == .wrapped else {
        losses[n] += scale * variation(pixels, region, point.height, point.width, gradient)
        return
      }
      // With the first row and column once more at the end, where the region is 0.
      let (height, width) = (point.height + 1, point.width + 1)
      let extended = Extended(height: point.height, width: point.width)
      let (wide, wideGradient, wideRegion) = (
        Buffer(3 * height * width), Buffer(3 * height * width), Buffer(height * width)
      )
      extended.eachPixel { to, from, isInside in
        for c in 0..<3 { wide.base[c * height * width + to] = pixels[c * area + from] }
        wideRegion.base[to] = isInside ? region?[from] ?? 1 : 0
      }
      rt_fill(wideGradient.base, 0, wideGradient.count)
      losses[n] += scale * variation(wide.base, wideRegion.base, height, width, wideGradient.base)
      guard let gradient else { return }
      extended.eachPixel { from, to, _ in
        for c in 0..<3 { gradient[c * area + to] += wideGradient.base[c * height * width + from] }
      }
    }
    for n in point.images {
      if let region {
        region.values.withUnsafeBufferPointer { add(n, $0.baseAddress! + (region.count == 1 ? 0 : n) * area) }
      } else {
        add(n, nil)
      }
    }
  }
}

/// A plane with its first row and column once more at the end.
private struct Extended {
  let height, width: Int

  /// Calls `body` with each place in the extended plane, the one in the plane that it stands for, and whether that is the
  /// same row and column.
  func eachPixel(_ body: (_ extended: Int, _ plane: Int, _ isInside: Bool) -> Void) {
    for y in 0...height {
      for x in 0...width {
        body(y * (width + 1) + x, y % height * width + x % width, y < height && x < width)
      }
    }
  }
}
