/// The nearest planes within 0...1 whose squares have given means.
///
/// The projection onto both constraints at once is v -> clamp(v + s) with one shift s for each square, which is found by
/// bisection where clamping has a say. A square that must be white becomes white.
package struct BlockMeans {
  package let factor: Int

  package init(factor: Int) { self.factor = factor }

  /// - Parameters:
  ///   - means: width * height values in 0...1.
  ///   - plane: (factor * width) * (factor * height) values, to be changed.
  package func impose(
    _ means: UnsafePointer<Float>, width: Int, height: Int, on plane: UnsafeMutablePointer<Float>
  ) {
    for y in 0..<height {
      for x in 0..<width {
        impose(
          means[y * width + x], on: plane + (y * width * factor + x) * factor, stride: width * factor)
      }
    }
  }

  private func impose(_ mean: Float, on square: UnsafeMutablePointer<Float>, stride: Int) {
    let count = Float(factor * factor)
    var (sum, least, most) = (Float(0), Float.infinity, -Float.infinity)
    for row in 0..<factor {
      for i in row * stride..<row * stride + factor {
        sum += square[i]
        (least, most) = (min(least, square[i]), max(most, square[i]))
      }
    }
    var shift = mean - sum / count
    if least + shift < 0 || most + shift > 1 {
      // At the ends all values are clamped to one side.
      var (low, high) = (-most, 1 - least)
      for _ in 0..<30 {
        shift = (low + high) / 2
        var sum: Float = 0
        for row in 0..<factor {
          for i in row * stride..<row * stride + factor { sum += min(max(square[i] + shift, 0), 1) }
        }
        if sum < mean * count { low = shift } else { high = shift }
      }
      // Rounding must not keep a square from being all black or white.
      shift = mean >= 1 ? 2 - least : mean <= 0 ? -1 - most : high
    }
    for row in 0..<factor {
      for i in row * stride..<row * stride + factor { square[i] = min(max(square[i] + shift, 0), 1) }
    }
  }
}
