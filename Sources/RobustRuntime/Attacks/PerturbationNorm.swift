import CKernels

/// How large a perturbation of an image is: over all its values, which lie in 0...1.
public enum PerturbationNorm: String, Sendable, CaseIterable {
  /// The root of the sum of squares.
  case l2
  /// The largest change of a value.
  case linf
}

extension PerturbationNorm {
  typealias Pixels = UnsafePointer<Float>
  typealias MutablePixels = UnsafeMutablePointer<Float>

  /// What keeps a division by a length of 0 finite.
  private static let tiny = 1e-12

  /// The size of x − y.
  func distance(_ x: Pixels, _ y: Pixels, _ count: Int) -> Double {
    switch self {
    case .l2: rt_squared_distance(x, y, count).squareRoot()
    case .linf: Double(rt_max_abs_difference(x, y, count))
    }
  }

  /// Moves x by `length` in the direction of this size in which a linear function of gradient g grows most:
  /// along g or along its signs.
  func climb(_ x: MutablePixels, along g: Pixels, by length: Double, _ count: Int) {
    switch self {
    case .l2:
      let norm = rt_sum_squares(g, count).squareRoot()
      rt_add_scaled(x, g, Float(length / (norm + Self.tiny)), count)
    case .linf: rt_step_sign(x, g, Float(-length), count)
    }
  }

  /// Moves x into the ball around the centre, along the line to it or value by value, and then into 0...1. A
  /// centre in 0...1 keeps what this moves inside the ball.
  func project(_ x: MutablePixels, around centre: Pixels, radius: Double, _ count: Int) {
    switch self {
    case .l2:
      let squares = rt_squared_distance(x, centre, count)
      if squares > radius * radius {
        rt_scale_around(x, centre, Float(radius / squares.squareRoot()), count)
      }
    case .linf: rt_clamp_around(x, centre, Float(radius), count)
    }
    rt_clamp(x, 0, 1, count)
  }
}
