/// A planar picture: `channels` planes of `height` rows of `width` samples each, all in one array.
package struct Planes: Sendable {
  package let width: Int
  package let height: Int
  package let channels: Int
  /// Sample (c, y, x) is at `(c * height + y) * width + x`; colours are sRGB in 0…1.
  package var samples: [Float]

  package init(width: Int, height: Int, channels: Int, samples: [Float]) {
    precondition(samples.count == width * height * channels)
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  package init(width: Int, height: Int, channels: Int) {
    self.init(
      width: width, height: height, channels: channels,
      samples: [Float](repeating: 0, count: width * height * channels))
  }

  /// The number of samples in one plane.
  package var area: Int { width * height }
}
