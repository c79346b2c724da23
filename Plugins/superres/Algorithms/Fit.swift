import RTool

/// An image in a size that is no whole multiple of the small one's, brought near to reducing to it: back-projections of
/// the whole image, each channel by itself.
///
/// Pixels that lie on two of the small image cannot be both, so that between black and white some difference stays.
package struct Fit: @unchecked Sendable {
  package let small, large: Image
  package let filter: Host.Filter
  package let resampling: Resampling
  /// Whether the images go on at their other side.
  package let wraps: Bool
  /// Smooth ones first; the last keep to the pixel that they are for, so that what is white stays white.
  private static let (smooth, rounds) = (6, 16)

  package init(small: Image, large: Image, filter: Host.Filter, resampling: Resampling, wraps: Bool) {
    (self.small, self.large, self.filter) = (small, large, filter)
    (self.resampling, self.wraps) = (resampling, wraps)
  }

  /// Changes one channel of the large image.
  package func solve(_ channel: Int) {
    let (width, height) = (small.width, small.height)
    let area = large.width * large.height
    let x = UnsafeMutablePointer<Float>.allocate(capacity: area)
    let enlarged = UnsafeMutablePointer<Float>.allocate(capacity: area)
    let residual = UnsafeMutablePointer<Float>.allocate(capacity: width * height)
    defer { for plane in [x, enlarged, residual] { plane.deallocate() } }
    for row in 0..<large.height {
      for column in 0..<large.width { x[row * large.width + column] = large.row(row)[3 * column + channel] }
    }
    for round in 0..<Self.rounds {
      resampling.resample(
        x, width: large.width, height: large.height, into: residual, width: width, height: height,
        filter: filter, wraps: wraps)
      for row in 0..<height {
        for column in 0..<width {
          let i = row * width + column
          residual[i] = small.row(row)[3 * column + channel] - residual[i]
        }
      }
      resampling.resample(
        residual, width: width, height: height, into: enlarged, width: large.width, height: large.height,
        filter: round < Self.smooth ? .cubic : .nearest, wraps: wraps)
      for i in 0..<area { x[i] = min(max(x[i] + enlarged[i], 0), 1) }
    }
    for row in 0..<large.height {
      for column in 0..<large.width { large.row(row)[3 * column + channel] = x[row * large.width + column] }
    }
  }
}
