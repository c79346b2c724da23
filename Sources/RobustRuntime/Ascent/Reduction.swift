import Glibc

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
    height: Int, width: Int, toHeight: Int, toWidth: Int, filter: ReductionFilter, sigma: Double,
    kernel: BlurKernel? = nil
  ) {
    self.kernel = kernel
    (self.height, self.width, reducedHeight, reducedWidth) = (height, width, toHeight, toWidth)
    rows = SparseRows(from: height, to: toHeight, filter: filter, sigma: sigma)
    columns = SparseRows(from: width, to: toWidth, filter: filter, sigma: sigma)
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

public enum ReductionFilter: Sendable, CaseIterable {
  case linear, cubic, lanczos, box, nearest

  /// Half of the filter's width, in pixels of the coarser grid.
  fileprivate var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .linear: 1
    case .cubic: 2
    case .lanczos: 3
    }
  }

  /// The filter's value at a distance of t from the middle.
  fileprivate func value(_ t: Double) -> Double {
    let t = abs(t)
    if t >= support { return 0 }
    switch self {
    case .nearest, .box: return 1
    case .linear: return 1 - t
    // Keys, 1981, with a = -1/2.
    case .cubic: return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2
    case .lanczos:
      let angle = Double.pi * t
      return t == 0 ? 1 : 3 * sin(angle) * sin(angle / 3) / (angle * angle)
    }
  }
}

/// The weights of a reduction along one side: row i gives what position i of the result reads. Each sums to 1.
private struct SparseRows {
  private let rows: [[(source: Int, weight: Float)]]

  subscript(_ i: Int) -> [(source: Int, weight: Float)] { rows[i] }

  init(from length: Int, to reduced: Int, filter: ReductionFilter, sigma: Double) {
    let step = Double(length) / Double(reduced)
    // Widened where it shrinks, so that nothing aliases.
    let widening = max(step, 1)
    let reach = Int((3 * sigma).rounded(.up))
    let blur = (-reach...reach).map { sigma > 0 ? exp(-0.5 * Double($0 * $0) / (sigma * sigma)) : 1 }
    rows = (0..<reduced).map { i in
      let middle = (Double(i) + 0.5) * step - 0.5
      var weights: [Int: Double] = [:]
      func add(_ source: Int, _ weight: Double) {
        for (k, blur) in blur.enumerated() {
          weights[View.mirrored(source + k - reach, length), default: 0] += weight * blur
        }
      }
      if filter == .nearest {
        add(min(length - 1, Int((middle + 0.5).rounded(.down))), 1)
      } else {
        let radius = filter.support * widening
        for source in Int((middle - radius).rounded(.up) - 1)...Int((middle + radius).rounded(.down) + 1) {
          let weight =
            filter == .box
            // The share of the pixel that the box covers.
            ? min(Double(source) + 0.5, middle + radius) - max(Double(source) - 0.5, middle - radius)
            : filter.value((Double(source) - middle) / widening)
          if weight != 0 && (filter != .box || weight > 0) { add(source, weight) }
        }
      }
      let sum = weights.values.reduce(0, +)
      return weights.sorted { $0.key < $1.key }.map { ($0.key, Float($0.value / sum)) }
    }
  }
}
