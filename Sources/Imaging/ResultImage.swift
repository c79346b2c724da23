import CVips

/// An image that is ready to be written.
public final class ResultImage: Sendable {
  public var width: Int { native.width }
  public var height: Int { native.height }
  public var hasAlpha: Bool { native.bands > native.colourBands }
  /// The format of the file that it was made from; nil if it was made from nothing.
  public let sourceFormat: Format?

  let native: NativeImage
  let conversion: ColourConversion?
  let name: String
  let metadata: Metadata
  /// How the file of the source holds its pixels.
  let coding: FileCoding
  /// The samples of a TIFF file beside colour and alpha, as they are.
  let others: NativeImage?
  /// The JPEG file that it was made from.
  let jpeg: JPEGSource?

  /// - Parameter native: without metadata but the profile.
  init(
    _ native: NativeImage, conversion: ColourConversion?, sourceFormat: Format?, sourceName: String,
    metadata: Metadata = Metadata(), coding: FileCoding = FileCoding(), others: NativeImage? = nil,
    jpeg: JPEGSource? = nil
  ) {
    self.native = native
    self.metadata = metadata
    self.coding = coding
    self.others = others
    self.conversion = conversion
    self.sourceFormat = sourceFormat
    self.jpeg = jpeg
    name = sourceName
  }

  /// The image as the next thing to be worked on, as if the file that it was made from had held it. What becomes of it keeps
  /// the blocks of a JPEG file where neither change has met them.
  /// - Parameter source: what it was laid over.
  public func continuing(_ source: SourceImage) -> SourceImage {
    SourceImage(source, native: native, others: others)
  }

  /// An sRGB image made from nothing, without metadata; 1 channel gives grey, 4 give alpha.
  /// - Parameter bitDepth: 8 or 16 bits per channel.
  /// Throws `invalidArgument`, `libraryMissing` or `failed`.
  public static func fresh(_ image: FloatImage, bitDepth: Int = 8) throws(ImagingError) -> ResultImage {
    guard bitDepth == 8 || bitDepth == 16 else {
      throw ImagingError(.invalidArgument, "\(bitDepth) bits per channel: give 8 or 16")
    }
    try Imaging.load()
    do {
      let native = try image.withNative { floats throws(VipsError) in
        let wide = bitDepth == 16
        return try floats.rescaled(wide ? 65535 : 255, to: wide ? CVIPS_UINT16 : CVIPS_UINT8)
          .named(image.channels < 3 ? CVIPS_GREY : CVIPS_RGB).inMemory()
      }
      return ResultImage(native, conversion: nil, sourceFormat: nil, sourceName: "the image")
    } catch {
      throw ImagingError(.failed, "the image cannot be made: \(error.reason)")
    }
  }
}
