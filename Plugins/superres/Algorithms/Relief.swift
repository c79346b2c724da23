import RTool

/// Where an image has any texture: 0 where it is flat around a pixel, as paper is, 1 where it is not.
///
/// What is flat has no texture that an ascent could match, and what windows would do to it shows as a grid.
package struct Relief: Sendable {
  private let width: Int
  private let weights: [Float]

  /// Pixels to each side that are looked at.
  private static let reach = 2
  /// The spread of values, in 0...1, up to which a place is flat, and that from which on it is not.
  private static let (flat, rough): (Float, Float) = (1.5 / 255, 5 / 255)

  /// - Parameter wraps: whether the image goes on at its other side.
  package init(of image: Image, wraps: Bool = false) {
    let (width, height) = (image.width, image.height)
    // Lowest and highest value of each channel, first along rows, then along columns.
    var low = [Float](repeating: 0, count: 3 * width * height)
    var high = low
    func spread(_ length: Int, _ index: Int) -> ClosedRange<Int> {
      let all = index - Self.reach...index + Self.reach
      return wraps ? all : all.clamped(to: 0...length - 1)
    }
    for y in 0..<height {
      let row = image.row(y)
      for x in 0..<width {
        for c in 0..<3 {
          var (least, most) = (row[3 * x + c], row[3 * x + c])
          for near in spread(width, x) {
            let near = wrapped(near, width)
            (least, most) = (min(least, row[3 * near + c]), max(most, row[3 * near + c]))
          }
          (low[3 * (y * width + x) + c], high[3 * (y * width + x) + c]) = (least, most)
        }
      }
    }
    var weights = [Float](repeating: 0, count: width * height)
    for y in 0..<height {
      let rows = spread(height, y)
      for x in 0..<width {
        var widest: Float = 0
        for c in 0..<3 {
          var (least, most) = (Float.infinity, -Float.infinity)
          for near in rows {
            let near = wrapped(near, height)
            least = min(least, low[3 * (near * width + x) + c])
            most = max(most, high[3 * (near * width + x) + c])
          }
          widest = max(widest, most - least)
        }
        weights[y * width + x] = min(max((widest - Self.flat) / (Self.rough - Self.flat), 0), 1)
      }
    }
    (self.width, self.weights) = (width, weights)
  }

  package subscript(x: Int, y: Int) -> Float { weights[y * width + x] }
}
