/// New content for a rectangle of an image: sRGB, 3 channels, or 4 with the new alpha; 1 is taken as grey.
public struct Patch: Sendable {
  /// Where its top left pixel goes. What lies outside the image is ignored.
  public let x: Int, y: Int
  let width: Int, height: Int, channels: Int
  private let pixels: Pixels

  private enum Pixels: Sendable {
    case own(FloatImage)
    case lent(ImageView)
  }

  public init(x: Int, y: Int, image: FloatImage) {
    (self.x, self.y, pixels) = (x, y, .own(image))
    (width, height, channels) = (image.width, image.height, image.channels)
  }

  /// The pixels are not copied: the view must be valid as long as the patch is used.
  public init(x: Int, y: Int, lent view: ImageView) {
    (self.x, self.y, pixels) = (x, y, .lent(view))
    (width, height, channels) = (view.width, view.height, view.channels)
  }

  /// Calls `body` with the first float, and the number of floats from one row to the next.
  func withFloats<Result>(_ body: (_ first: UnsafePointer<Float>, _ stride: Int) -> Result) -> Result {
    switch pixels {
    case .own(let image):
      image.pixels.withUnsafeBufferPointer { body($0.baseAddress!, image.width * image.channels) }
    case .lent(let view): body(view.pixels, view.stride)
    }
  }

  /// Whether it has a pixel that is not fully opaque at 8 bits.
  var isTranslucent: Bool {
    guard channels == 4 else { return false }
    return withFloats { first, stride in
      (0..<height).contains { y in
        (0..<width).contains { first[y * stride + 4 * $0 + 3] < 254.5 / 255 }
      }
    }
  }
}
