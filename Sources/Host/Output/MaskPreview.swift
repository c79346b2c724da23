import Imaging

/// An image with what a mask marks in red, as --mask-preview shows it.
enum MaskPreview {
  /// How much of the red there is where the mask is white.
  private static let strength: Float = 0.6

  /// - Parameter masks: each of the image's size; where they overlap the whiter one counts.
  static func image(of photo: SourceImage, masks: [FloatImage]) throws -> ResultImage {
    var colours = try photo.rgb()
    for index in 0..<colours.width * colours.height {
      let share = strength * masks.reduce(0) { max($0, $1.pixels[index]) }
      for (channel, red) in [Float(1), 0, 0].enumerated() {
        colours.pixels[3 * index + channel] += share * (red - colours.pixels[3 * index + channel])
      }
    }
    return try photo.patched(with: [Patch(x: 0, y: 0, image: colours)])
  }
}
