import Glibc

/// How a pixel of one grid is made from those of another.
public enum ResamplingKernel: String, Sendable, CaseIterable {
  /// The pixel at the place, no blending.
  case nearest
  /// The mean over the pixel's area.
  case box
  /// Triangle.
  case linear
  /// Catmull-Rom: Keys, 1981, with a = -1/2.
  case cubic
  /// Three lobes.
  case lanczos

  /// Half of the kernel's width, in pixels of the coarser grid.
  private var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .linear: 1
    case .cubic: 2
    case .lanczos: 3
    }
  }

  /// What the positions of a side weigh in one position of the same side in another length.
  ///
  /// Pixel centres are aligned (half-pixel convention). Where the side shrinks the kernel is widened, so that nothing
  /// aliases.
  /// - Parameters:
  ///   - position: in the new length.
  ///   - step: the old length divided by the new one.
  /// - Returns: the first position of the old length, which may lie outside of it as others may (see `mirrored`), and
  ///   the weights from there on, whose sum is not 1 yet. Some may be 0.
  public func taps(at position: Int, step: Double) -> (first: Int, weights: [Double]) {
    let middle = (Double(position) + 0.5) * step - 0.5
    if self == .nearest { return (Int((middle + 0.5).rounded(.down)), [1]) }
    let widening = max(step, 1)
    let radius = support * widening
    let first = Int((middle - radius).rounded(.down)) + (self == .box ? 0 : 1)
    let count = Int((2 * radius).rounded(.up)) + 1
    return (
      first,
      (first..<first + count).map { source in
        let source = Double(source)
        // The share of the pixel that the box covers.
        if self == .box {
          return max(min(source + 0.5, middle + radius) - max(source - 0.5, middle - radius), 0)
        }
        return value((source - middle) / widening)
      }
    )
  }

  /// The kernel's value at a distance of t from the middle.
  private func value(_ t: Double) -> Double {
    let t = abs(t)
    if t >= support { return 0 }
    switch self {
    case .nearest, .box: return 1
    case .linear: return 1 - t
    case .cubic: return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2
    case .lanczos:
      let angle = Double.pi * t
      return t == 0 ? 1 : 3 * sin(angle) * sin(angle / 3) / (angle * angle)
    }
  }
}
