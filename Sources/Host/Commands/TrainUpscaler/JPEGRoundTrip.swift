import Imaging

/// What a JPEG file does to an image.
enum JPEGRoundTrip {
  /// Replaces an image by what is read from a JPEG file of it.
  /// - Parameter pixels: planar, [3][side][side], in 0...1.
  /// - Throws: `ImagingError`
  static func apply(to pixels: UnsafeMutablePointer<Float>, side: Int, quality: Int) throws {
    let area = side * side
    let image = FloatImage(
      width: side, height: side, channels: 3, pixels: (0..<3 * area).map { pixels[$0 % 3 * area + $0 / 3] })
    let file = try ResultImage.fresh(image).encoded(as: .jpeg, options: WriteOptions(quality: quality))
    let read = try SourceImage.open(.bytes(file.bytes, name: "a JPEG file")).rgb()
    for (place, value) in read.pixels.enumerated() { pixels[place % 3 * area + place / 3] = value }
  }
}
