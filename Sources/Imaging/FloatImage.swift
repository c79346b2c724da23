import CVips

/// An image in memory: interleaved floats, row after row without gaps.
///
/// Colours are sRGB (gamma-encoded) in 0...1. One channel is grey or a mask, three are red, green,
/// blue, and a fourth is straight (not premultiplied) alpha, 0 transparent, 1 opaque.
public struct FloatImage: Sendable, Equatable {
  /// Pixels across and down, both at least 1.
  public let width: Int, height: Int
  /// 1, 3 or 4.
  public let channels: Int
  /// width * height * channels values; the value of channel c at (x, y) is at (y * width + x) * channels + c.
  public var pixels: [Float]

  /// - Precondition: the sizes are positive and `pixels` has width * height * channels elements.
  public init(width: Int, height: Int, channels: Int, pixels: [Float]) {
    precondition(width > 0 && height > 0 && channels > 0, "an image has pixels and channels")
    precondition(pixels.count == width * height * channels, "as many values as pixels times channels")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// An image with the same value everywhere.
  public init(width: Int, height: Int, channels: Int, filledWith value: Float = 0) {
    self.init(
      width: width, height: height, channels: channels,
      pixels: [Float](repeating: value, count: width * height * channels))
  }

  public subscript(x: Int, y: Int, channel: Int) -> Float {
    get { pixels[(y * width + x) * channels + channel] }
    set { pixels[(y * width + x) * channels + channel] = newValue }
  }

  /// Runs body with a libvips image over these pixels, which are not copied.
  func withNative<Result>(_ body: (NativeImage) throws(VipsError) -> Result) throws(VipsError) -> Result {
    try pixels.withUnsafeBufferPointer { buffer throws(VipsError) in
      try body(
        NativeImage(
          cvips_wrap(buffer.baseAddress!, Int32(width), Int32(height), Int32(channels), CVIPS_FLOAT)))
    }
  }
}
