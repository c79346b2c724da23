import PixelGrid

/// Interleaved floats that someone else owns, as an image: its rows may be further apart than they are long.
///
/// Copying the view does not copy the pixels. Channels are as in `FloatImage`.
public struct ImageView: @unchecked Sendable {
  public let width: Int, height: Int, channels: Int
  /// Floats from one row to the next.
  public let stride: Int
  public let pixels: UnsafeMutablePointer<Float>

  public init(width: Int, height: Int, channels: Int, stride: Int, pixels: UnsafeMutablePointer<Float>) {
    (self.width, self.height, self.channels) = (width, height, channels)
    (self.stride, self.pixels) = (stride, pixels)
  }

  /// The first float of row `y`.
  public func row(_ y: Int) -> UnsafeMutablePointer<Float> { pixels + y * stride }
}

extension ImageView {
  /// Brings every value to 0...1.
  public func clamp() {
    for index in 0..<height * stride { pixels[index] = min(max(pixels[index], 0), 1) }
  }

  /// Fills this image with the part of `source` whose corner is at (x, y), mirrored beyond the border.
  /// - Precondition: both have the same channels.
  public func copy(from source: ImageView, x: Int, y: Int) {
    for row in 0..<height {
      let to = self.row(row)
      let from = source.row(mirrored(y + row, source.height))
      for column in 0..<width {
        let at = from + mirrored(x + column, source.width) * channels
        for channel in 0..<channels { to[column * channels + channel] = at[channel] }
      }
    }
  }

  /// Fills this image of 3 channels with the colours of one of the same size, which may be grey or have alpha.
  public func copyColours(from source: ImageView) {
    for y in 0..<height {
      let (to, from) = (row(y), source.row(y))
      for x in 0..<width {
        for c in 0..<3 { to[3 * x + c] = from[x * source.channels + (source.channels < 3 ? 0 : c)] }
      }
    }
  }

  /// In place: self += mask (over - self), with the corner of `over` at (x, y). What lies outside is dropped.
  /// - Parameter mask: 1 channel, of the size of `over`; nil: 1 everywhere.
  /// - Precondition: both have the same channels.
  public func composite(_ over: ImageView, mask: ImageView?, x: Int, y: Int) {
    let columns = max(0, -x)..<max(max(0, -x), min(over.width, width - x))
    for row in max(0, -y)..<max(max(0, -y), min(over.height, height - y)) {
      let to = self.row(y + row) + x * channels
      let from = over.row(row)
      let weights = mask?.row(row)
      for column in columns {
        let weight = weights?[column] ?? 1
        for channel in column * channels..<(column + 1) * channels {
          to[channel] += weight * (from[channel] - to[channel])
        }
      }
    }
  }

  public var isFinite: Bool {
    for y in 0..<height {
      let row = row(y)
      // The sum of products with 0 is 0 unless one is infinite or NaN.
      var sum: Float = 0
      for x in 0..<width * channels { sum += row[x] * 0 }
      if sum != 0 || sum.isNaN { return false }
    }
    return true
  }
}
