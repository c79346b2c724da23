import CVips

/// A photo as a classifier sees it: opaque sRGB in 8 bits.
public struct RGBPhoto: Sendable, Equatable {
  /// Pixels across and down.
  public let width: Int, height: Int
  /// Red, green, blue of each pixel, row after row without gaps.
  public let values: [UInt8]
}

extension SourceImage {
  /// What is seen of it, blended with white. What is longer than `proportion` times the shorter side is cut
  /// to that about its centre; then it is shrunk, where it is larger, until its shorter side is `side`.
  /// Throws `failed`.
  public func photo(shorterSide side: Int, proportion: Int) throws(ImagingError) -> RGBPhoto {
    do {
      let small = try native.srgb8(conversion).cutToProportion(proportion).shrunk(toShorterSide: side)
      return RGBPhoto(width: small.width, height: small.height, values: try small.values(UInt8.self))
    } catch {
      throw ImagingError(.failed, name, "a small copy of it cannot be made: \(error.reason)")
    }
  }
}

extension NativeImage {
  fileprivate func cutToProportion(_ proportion: Int) throws(VipsError) -> NativeImage {
    let side = min(width, height)
    let across = min(width, side * proportion)
    let down = min(height, side * proportion)
    if (across, down) == (width, height) { return self }
    return try cropped(Area(x: (width - across) / 2, y: (height - down) / 2, width: across, height: down))
  }
}
