import CKernels
import Glibc

/// A Gaussian that smooths planes of one size, borders mirrored. Cut off at three sigma, with a sum of 1.
struct PlaneBlur {
  private let height, width: Int
  private let taps: [Float]
  /// A line with mirrored borders, and a plane.
  private let line, plane: Buffer

  /// - Parameter sigma: in pixels, above 0.
  init(height: Int, width: Int, sigma: Double) {
    (self.height, self.width) = (height, width)
    let radius = Int((3 * sigma).rounded(.up))
    let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = values.reduce(0, +)
    taps = values.map { Float($0 / sum) }
    line = Buffer(width + taps.count - 1)
    plane = Buffer(height * width)
  }

  func apply(to image: UnsafeMutablePointer<Float>) {
    let radius = taps.count / 2
    rt_fill(plane.base, 0, plane.count)
    for y in 0..<height {
      for x in 0..<line.count { line.base[x] = image[y * width + Move.mirrored(x - radius, width)] }
      for (k, tap) in taps.enumerated() { rt_add_scaled(plane.base + y * width, line.base + k, tap, width) }
    }
    rt_fill(image, 0, plane.count)
    for y in 0..<height {
      for (k, tap) in taps.enumerated() {
        rt_add_scaled(
          image + y * width, plane.base + Move.mirrored(y + k - radius, height) * width, tap, width)
      }
    }
  }
}
