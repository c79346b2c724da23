import CKernels
import Glibc

/// What is done to the gradient of an image before the step: smoothed, its colour damped, held back where
/// pixels are not free.
struct GradientFilter {
  private let height, width: Int
  private let taps: [Float]
  private let chromaDamping: Float
  private let free: Region?
  /// A line with mirrored borders, and a plane.
  private let line, plane: Buffer

  init(height: Int, width: Int, blur: Double, chromaDamping: Double, free: Region?) {
    (self.height, self.width, self.chromaDamping, self.free) = (height, width, Float(chromaDamping), free)
    taps = GradientFilter.gaussian(sigma: blur)
    line = Buffer(width + taps.count - 1)
    plane = Buffer(taps.count > 1 ? height * width : 0)
  }

  /// A Gaussian cut off at three sigma, with a sum of 1.
  private static func gaussian(sigma: Double) -> [Float] {
    guard sigma > 0 else { return [1] }
    let radius = Int((3 * sigma).rounded(.up))
    let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = values.reduce(0, +)
    return values.map { Float($0 / sum) }
  }

  /// - Parameter gradient: of one image, [3][row][column].
  func apply(to gradient: UnsafeMutablePointer<Float>, image: Int) {
    let area = height * width
    if taps.count > 1 { for c in 0..<3 { blur(gradient + c * area) } }
    if chromaDamping > 0 { rt_damp_chroma(gradient, chromaDamping, area) }
    guard let free else { return }
    free.values.withUnsafeBufferPointer { weights in
      let weights = weights.baseAddress! + (free.count == 1 ? 0 : image) * area
      for c in 0..<3 { rt_multiply(gradient + c * area, weights, area) }
    }
  }

  private func blur(_ image: UnsafeMutablePointer<Float>) {
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
