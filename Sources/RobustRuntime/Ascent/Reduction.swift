import Glibc
import PixelGrid

/// A known degradation of an image: a blur, then a reduction to another size by a filter. Linear, so that its transpose
/// gives gradients. Results are not clipped.
struct Reduction {
  let height, width: Int
  let reducedHeight, reducedWidth: Int
  private let rows, columns: SparseRows
  private let kernel: BlurKernel?

  /// - Parameters:
  ///   - sigma: of a Gaussian blur, in pixels of the image; 0: none.
  ///   - kernel: of another blur that comes first; nil: none.
  init(
    height: Int, width: Int, toHeight: Int, toWidth: Int, filter: ResamplingKernel, sigma: Double,
    kernel: BlurKernel? = nil
  ) {
    self.kernel = kernel
    (self.height, self.width, reducedHeight, reducedWidth) = (height, width, toHeight, toWidth)
    rows = SparseRows(from: height, to: toHeight, kernel: filter, sigma: sigma)
    columns = SparseRows(from: width, to: toWidth, kernel: filter, sigma: sigma)
  }

  /// reduced[row][column] of a plane.
  func apply(_ plane: UnsafePointer<Float>, to reduced: UnsafeMutablePointer<Float>) {
    guard let kernel else { return reduce(plane, to: reduced) }
    let blurred = Buffer(height * width)
    kernel.apply(plane, to: blurred.base, height: height, width: width)
    reduce(blurred.base, to: reduced)
  }

  private func reduce(_ plane: UnsafePointer<Float>, to reduced: UnsafeMutablePointer<Float>) {
    let half = Buffer(reducedHeight * width)
    for y in 0..<reducedHeight {
      for (source, weight) in rows[y] {
        let (to, from) = (half.base + y * width, plane + source * width)
        for x in 0..<width { to[x] += weight * from[x] }
      }
      for x in 0..<reducedWidth {
        var sum: Float = 0
        for (source, weight) in columns[x] { sum += weight * half.base[y * width + source] }
        reduced[y * reducedWidth + x] = sum
      }
    }
  }

  /// plane += factor · transpose(reduced)
  func addTransposed(_ reduced: UnsafePointer<Float>, factor: Float, to plane: UnsafeMutablePointer<Float>) {
    guard let kernel else { return enlarge(reduced, factor: factor, to: plane) }
    let blurred = Buffer(height * width)
    enlarge(reduced, factor: factor, to: blurred.base)
    kernel.addTransposed(blurred.base, to: plane, height: height, width: width)
  }

  private func enlarge(_ reduced: UnsafePointer<Float>, factor: Float, to plane: UnsafeMutablePointer<Float>)
  {
    let half = Buffer(width)
    for y in 0..<reducedHeight {
      for x in 0..<width { half.base[x] = 0 }
      for x in 0..<reducedWidth {
        let value = factor * reduced[y * reducedWidth + x]
        for (source, weight) in columns[x] { half.base[source] += weight * value }
      }
      for (source, weight) in rows[y] {
        let to = plane + source * width
        for x in 0..<width { to[x] += weight * half.base[x] }
      }
    }
  }
}

/// The weights of a reduction along one side: row i gives what position i of the result reads. Each sums to 1.
private struct SparseRows {
  private let rows: [[(source: Int, weight: Float)]]

  subscript(_ i: Int) -> [(source: Int, weight: Float)] { rows[i] }

  init(from length: Int, to reduced: Int, kernel: ResamplingKernel, sigma: Double) {
    let step = Double(length) / Double(reduced)
    let reach = Int((3 * sigma).rounded(.up))
    let blur = (-reach...reach).map { sigma > 0 ? exp(-0.5 * Double($0 * $0) / (sigma * sigma)) : 1 }
    var taps = [Double](repeating: 0, count: kernel.tapCount(step: step))
    rows = (0..<reduced).map { i in
      var weights: [Int: Double] = [:]
      let first = kernel.taps(at: i, step: step, weights: &taps)
      for (source, weight) in zip(first..., taps) where weight != 0 {
        for (k, blur) in blur.enumerated() {
          weights[mirrored(source + k - reach, length), default: 0] += weight * blur
        }
      }
      let row = weights.sorted { $0.key < $1.key }
      let sum = row.reduce(0) { $0 + $1.value }
      return row.map { ($0.key, Float($0.value / sum)) }
    }
  }
}
