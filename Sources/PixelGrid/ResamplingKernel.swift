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

  /// How many positions `taps` weighs.
  /// - Parameter step: the old length divided by the new one.
  public func tapCount(step: Double) -> Int { Int((2 * radius(step)).rounded(.up)) + 1 }

  /// Tells what the positions of a side weigh in one position of the same side in another length.
  ///
  /// Pixel centres are aligned (half-pixel convention). Where the side shrinks the kernel is widened, so that nothing
  /// aliases.
  /// - Parameters:
  ///   - position: in the new length.
  ///   - step: the old length divided by the new one.
  ///   - weights: `tapCount` of them, to be written; their sum is not 1 yet, and some may be 0.
  /// - Returns: the position of the old length that has the first weight. It may lie outside, as others may: see
  ///   `mirrored`.
  public func taps(at position: Int, step: Double, weights: inout [Double]) -> Int {
    let middle = (Double(position) + 0.5) * step - 0.5
    let (radius, widening) = (radius(step), max(step, 1))
    let first = Int((self == .nearest ? middle + 0.5 : middle - radius).rounded(.down)) + (isClosed ? 0 : 1)
    for k in weights.indices {
      let source = Double(first + k)
      weights[k] =
        switch self {
        case .nearest: k == 0 ? 1 : 0
        // The share of the pixel that the box covers.
        case .box: max(min(source + 0.5, middle + radius) - max(source - 0.5, middle - radius), 0)
        default: value((source - middle) / widening)
        }
    }
    return first
  }

  private func radius(_ step: Double) -> Double { support * max(step, 1) }

  /// Whether it weighs what lies at its ends.
  private var isClosed: Bool { self == .nearest || self == .box }

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
