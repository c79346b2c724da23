import CKernels
import Glibc
import PixelGrid

/// A Gaussian that smooths planes of one size. Cut off at three sigma, with a sum of 1.
struct PlaneBlur {
  private let height, width: Int
  private let boundary: Boundary
  private let taps: [Float]
  /// Rows with what is beyond their ends, and a plane.
  private let rows, plane: Buffer

  /// Rows that are smoothed at a time.
  private static let rowsAtOnce = 16

  /// - Parameter sigma: in pixels, above 0.
  init(height: Int, width: Int, sigma: Double, boundary: Boundary = .mirrored) {
    (self.height, self.width, self.boundary) = (height, width, boundary)
    let radius = Int((3 * sigma).rounded(.up))
    let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = values.reduce(0, +)
    taps = values.map { Float($0 / sum) }
    rows = Buffer(height * (width + taps.count - 1))
    plane = Buffer(height * width)
  }

  func apply(to image: UnsafeMutablePointer<Float>) {
    let (radius, length) = (taps.count / 2, width + taps.count - 1)
    let along = taps.indices.map(Int64.init)
    Workers.shared.run(over: height, by: PlaneBlur.rowsAtOnce) { start, count in
      for y in start..<start + count {
        let (row, from) = (rows.base + y * length, image + y * width)
        rt_copy(row + radius, from, width)
        for x in 0..<radius {
          row[x] = from[boundary.position(x - radius, width)]
          row[radius + width + x] = from[boundary.position(width + x, width)]
        }
        rt_weighted_sum(plane.base + y * width, row, along, taps, taps.count, width)
      }
    }
    Workers.shared.run(over: height, by: PlaneBlur.rowsAtOnce) { start, count in
      for y in start..<start + count {
        let across = taps.indices.map { Int64(boundary.position(y + $0 - radius, height) * width) }
        rt_weighted_sum(image + y * width, plane.base, across, taps, taps.count, width)
      }
    }
  }
}
