/// New content for a rectangle of an image.
public struct Patch: Sendable {
  /// Where its top left pixel goes. What lies outside the image is ignored.
  public var x: Int, y: Int
  /// sRGB, 3 channels, or 4 with the new alpha; 1 is taken as grey.
  public var image: FloatImage

  public init(x: Int, y: Int, image: FloatImage) {
    self.x = x
    self.y = y
    self.image = image
  }

  /// Whether it has a pixel that is not fully opaque at 8 bits.
  var isTranslucent: Bool {
    image.channels == 4
      && stride(from: 3, to: image.pixels.count, by: 4).contains { image.pixels[$0] < 254.5 / 255 }
  }
}
