/// Floats of an image that are brighter than white.
struct Highlights: Sendable {
  /// The brightest; more than 1.
  let most: Float

  /// Nil: none of them is, or the image is no floats.
  /// - Throws: `unsupported` where most of the image is, so that 1 cannot be white.
  init?(_ image: NativeImage, _ name: String) throws(ImagingError) {
    guard image.bitDepth == 32 else { return nil }
    let values: [Float]
    do {
      values = try image.values(Float.self)
    } catch {
      throw ImagingError(.failed, name, "its pixels cannot be read: \(error.reason)")
    }
    var (count, most) = (0, Float(1))
    for value in values where value > 1.0001 {
      count += 1
      most = max(most, value)
    }
    if count > values.count / 2 {
      throw ImagingError(
        .unsupported, name, "its floats reach \(most), and 1 is to be white: divide them first")
    }
    if count == 0 { return nil }
    self.most = most
  }

  var warning: String { "its floats reach \(most), and what is more than 1 is taken for white" }
}
