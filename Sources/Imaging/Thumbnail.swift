import CVips

/// A small copy of a picture to be shown: opaque sRGB in 8 bits.
public struct Thumbnail: Sendable, Equatable {
  public let width: Int, height: Int
  /// Red, green, blue of each pixel, row after row.
  let values: [UInt8]

  /// Shrinks an image of 3 channels, where it is larger, to a longest side. Throws `failed`.
  public init(_ image: FloatImage, longestSide side: Int) throws(ImagingError) {
    let factor = Double(side) / Double(max(image.width, image.height))
    func scaled(_ size: Int) -> Int { max(1, Int((Double(size) * factor).rounded())) }
    let small =
      factor < 1
      ? try image.resized(width: scaled(image.width), height: scaled(image.height), kernel: .lanczos) : image
    width = small.width
    height = small.height
    values = small.pixels.map { quantised($0, to: UInt8.self) }
  }

  fileprivate init(_ native: NativeImage, _ conversion: ColourConversion?, _ name: String, longestSide: Int)
    throws(ImagingError)
  {
    do {
      let small = try native.srgb8(conversion).shrunk(toLongestSide: longestSide)
      width = small.width
      height = small.height
      values = try small.values(UInt8.self)
    } catch {
      throw ImagingError(.failed, name, "a small copy of it cannot be made: \(error.reason)")
    }
  }

  public var image: FloatImage {
    FloatImage(width: width, height: height, channels: 3, pixels: values.map { Float($0) / 255 })
  }
}

extension ResultImage {
  /// What will be seen of it, blended with white. It is not enlarged. Throws `failed`.
  public func thumbnail(longestSide: Int) throws(ImagingError) -> Thumbnail {
    try Thumbnail(native, conversion, name, longestSide: longestSide)
  }
}

extension SourceImage {
  /// What is seen of it, blended with white. It is not enlarged. Throws `failed`.
  public func thumbnail(longestSide: Int) throws(ImagingError) -> Thumbnail {
    try Thumbnail(native, conversion, name, longestSide: longestSide)
  }
}
