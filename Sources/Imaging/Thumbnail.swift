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

  /// A JPEG file of it, without metadata. Throws `libraryMissing`, `invalidArgument` or `failed`.
  /// - Parameter quality: 1...100.
  package func jpeg(quality: Int = 85) throws(ImagingError) -> [UInt8] {
    try Imaging.load()
    let native: NativeImage
    do {
      native = try values.withUnsafeBufferPointer { bytes throws(VipsError) in
        try NativeImage(
          cvips_wrap(bytes.baseAddress!, Int32(width), Int32(height), 3, CVIPS_UINT8)
        ).named(CVIPS_RGB).inMemory()
      }
    } catch {
      throw ImagingError(.failed, "a small copy of the image cannot be encoded: \(error.reason)")
    }
    return try ResultImage(native, conversion: nil, sourceFormat: nil, sourceName: "the image")
      .encoded(as: .jpeg, options: WriteOptions(quality: quality, stripMetadata: true)).bytes
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
