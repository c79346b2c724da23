import Glibc
import RTool

/// How far apart the pixels of two images of one size are.
struct PixelDistance {
  /// Mean over pixels and channels.
  let squaredError: Double
  /// Mean structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of the three channels.
  let ssim: Double

  /// Peak signal-to-noise ratio in dB, of a peak of 1.
  var psnr: Double { -10 * log10(squaredError) }

  init(_ a: Image, _ b: Image) {
    squaredError = a.meanSquaredDifference(to: b)
    ssim = PixelDistance.ssim(a, b)
  }

  /// (0.01)^2 and (0.03)^2 of a range of 1.
  private static let (c1, c2): (Float, Float) = (1e-4, 9e-4)

  private static func ssim(_ a: Image, _ b: Image) -> Double {
    let (columns, rows) = (Window(length: a.width), Window(length: a.height))
    let width = 3 * columns.places.count
    // Moments a, b, aa, bb, ab, of rows already averaged along x, kept as long as windows reach them.
    var averaged: [Int: [Float]] = [:]
    var moments = [Float](repeating: 0, count: 5 * width)
    var sum = 0.0
    for y in rows.places {
      let reach = rows.reach(of: y)
      averaged = averaged.filter { reach.contains($0.key) }
      for row in reach where averaged[row] == nil {
        averaged[row] = columns.averaged(a.row(row), b.row(row))
      }
      moments.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
      for (row, weight) in zip(reach, rows.weights(of: y)) {
        averaged[row]!.withUnsafeBufferPointer { from in
          for i in 0..<5 * width { moments[i] += weight * from[i] }
        }
      }
      var total: Float = 0
      moments.withUnsafeBufferPointer { m in
        for i in 0..<width {
          let (meanA, meanB) = (m[i], m[width + i])
          let varianceA = m[2 * width + i] - meanA * meanA
          let varianceB = m[3 * width + i] - meanB * meanB
          let covariance = m[4 * width + i] - meanA * meanB
          let above = (2 * meanA * meanB + c1) * (2 * covariance + c2)
          total += above / ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2))
        }
      }
      sum += Double(total)
    }
    return sum / Double(width * rows.places.count)
  }
}

/// The Gaussian window along one side: centred where all of it fits in, or, along a side that is too short for it,
/// everywhere and cut at the border.
private struct Window {
  let length: Int
  let places: Range<Int>
  private static let radius = 5
  private static let sigma: Float = 1.5

  init(length: Int) {
    self.length = length
    places = length > 2 * Window.radius ? Window.radius..<length - Window.radius : 0..<length
  }

  func reach(of place: Int) -> Range<Int> {
    max(place - Window.radius, 0)..<min(place + Window.radius + 1, length)
  }

  func weights(of place: Int) -> [Float] {
    let weights = reach(of: place).map { position in
      let distance = Float(position - place) / Window.sigma
      return expf(-distance * distance / 2)
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// The moments of one row averaged along it: five rows, one after the other.
  func averaged(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> [Float] {
    let width = 3 * places.count
    var result = [Float](repeating: 0, count: 5 * width)
    let inner = weights(of: places.lowerBound)
    result.withUnsafeMutableBufferPointer { out in
      for (index, place) in places.enumerated() {
        let reach = reach(of: place)
        let weights = length > 2 * Window.radius ? inner : weights(of: place)
        for c in 0..<3 {
          var (sumA, sumB, sumAA, sumBB, sumAB): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
          for (offset, weight) in weights.enumerated() {
            let (p, q) = (a[3 * (reach.lowerBound + offset) + c], b[3 * (reach.lowerBound + offset) + c])
            sumA += weight * p
            sumB += weight * q
            sumAA += weight * p * p
            sumBB += weight * q * q
            sumAB += weight * p * q
          }
          let i = 3 * index + c
          out[i] = sumA
          out[width + i] = sumB
          out[2 * width + i] = sumAA
          out[3 * width + i] = sumBB
          out[4 * width + i] = sumAB
        }
      }
    }
    return result
  }
}
