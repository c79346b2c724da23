import PixelGrid

/// What an image is blurred by: each pixel becomes the sum of the kernel's values times those about it, with borders
/// mirrored.
public struct BlurKernel: Sendable, Equatable {
  public let height, width: Int
  public let values: [Float]

  /// - Precondition: the sides are odd, and there are height · width values.
  public init(height: Int, width: Int, values: [Float]) {
    precondition(height % 2 == 1 && width % 2 == 1 && values.count == height * width)
    (self.height, self.width, self.values) = (height, width, values)
  }

  /// Fills `blurred`, a plane of the same size.
  func apply(
    _ plane: UnsafePointer<Float>, to blurred: UnsafeMutablePointer<Float>, height: Int, width: Int
  ) {
    for i in 0..<height * width { blurred[i] = 0 }
    eachShift(height, width) { value, to, from, columns in
      for x in 0..<width { blurred[to + x] += value * plane[from + columns[x]] }
    }
  }

  /// plane += transpose(blurred)
  func addTransposed(
    _ blurred: UnsafePointer<Float>, to plane: UnsafeMutablePointer<Float>, height: Int, width: Int
  ) {
    eachShift(height, width) { value, to, from, columns in
      for x in 0..<width { plane[from + columns[x]] += value * blurred[to + x] }
    }
  }

  /// Calls `body` with each value of the kernel for each row: where the row begins, and the row and the columns that the
  /// value is multiplied with.
  private func eachShift(
    _ height: Int, _ width: Int, _ body: (_ value: Float, _ to: Int, _ from: Int, _ columns: [Int]) -> Void
  ) {
    for u in 0..<self.width {
      let columns = (0..<width).map { mirrored($0 + u - self.width / 2, width) }
      for v in 0..<self.height where values[v * self.width + u] != 0 {
        for y in 0..<height {
          let from = mirrored(y + v - self.height / 2, height) * width
          body(values[v * self.width + u], y * width, from, columns)
        }
      }
    }
  }
}
