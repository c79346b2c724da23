import CVips

/// An image that came from a file, kept so that a result can be written back as near to it as possible:
/// the native pixels (8 or 16 bits, the file's own colour space, alpha) and all metadata. It is upright:
/// the EXIF orientation is applied to the pixels, and its tag is reset.
public final class SourceImage: Sendable {
  /// The path, or "standard input".
  public let name: String
  public let format: Format
  /// SHA-256 of the file's bytes, if asked for when it was opened.
  public let digest: String?
  /// Pixels across and down, upright.
  public var width: Int { native.width }
  public var height: Int { native.height }
  /// Bits per channel in memory: 8 or 16.
  public let bitDepth: Int
  /// Channels without alpha: 1 (grey), 3 (RGB) or 4 (CMYK).
  public let colourChannels: Int
  public var hasAlpha: Bool { native.bands > colourChannels }
  /// The ICC profile's bytes, if the file has one.
  public var profile: [UInt8]? { native.blob(profileField) }
  /// Pages or frames in the file, of which this is the first.
  public let pageCount: Int
  /// What `ResultImage.encoded` stored in an earlier run; nil if nothing.
  public let provenance: String?

  let native: NativeImage
  let conversion: ColourConversion

  /// Reads and decodes an image: the first picture of a file that has several.
  ///
  /// - Parameters:
  ///   - shorterSide: pixels of the shorter side that there is use for: a larger picture is read at a half, a quarter or
  ///     an eighth of its size, with at least four times that side. nil: all.
  ///   - digest: whether to compute the SHA-256 of the file.
  /// Throws `libraryMissing`, `unreadable`, `notAnImage`, `damaged` (truncated files too), `tooLarge`
  /// or `unsupported`.
  public static func open(
    _ input: Input, limits: Limits = Limits(), shorterSide: Int? = nil, digest: Bool = false
  ) throws(ImagingError) -> SourceImage {
    let bytes = try input.read(limits)
    try Imaging.load()
    return try SourceImage(
      bytes, name: input.name, limits, shorterSide.map { ReducedReading(side: $0) }, digest: digest)
  }

  /// `other` with other pixels of the same kind.
  init(_ other: SourceImage, native: NativeImage) {
    self.native = native
    (name, format, digest, pageCount) = (other.name, other.format, other.digest, other.pageCount)
    (bitDepth, colourChannels) = (other.bitDepth, other.colourChannels)
    (provenance, conversion) = (other.provenance, other.conversion)
  }

  private init(_ bytes: [UInt8], name: String, _ limits: Limits, _ reduction: ReducedReading?, digest: Bool)
    throws(ImagingError)
  {
    guard let format = Format(sniffing: bytes) else {
      throw ImagingError(.notAnImage, name, "not a picture that can be read (\(Format.list))")
    }
    let image = try decode(bytes, format, name, limits, reduction)
    let pages = image.header.pages
    nameXMP(of: image)
    if format == .gif, let packet = xmp(inGIF: bytes) { image.setBlob(xmpField, packet) }
    dropStaleFields(of: image)
    native = image
    self.name = name
    self.format = format
    self.digest = digest ? try Imaging.digest(of: bytes) : nil
    colourChannels = image.colourBands
    bitDepth = image.header.type == CVIPS_UINT16 ? 16 : 8
    pageCount = Int(pages)
    provenance = image.blob(xmpField).flatMap(readProvenance)
    do {
      conversion = try ColourConversion(for: image.bands(0..<image.colourBands))
    } catch {
      throw ImagingError(.failed, name, error.reason)
    }
  }
}

extension NativeImage {
  /// Bands without alpha: 1, 3 or 4.
  var colourBands: Int {
    switch header.space {
    case CVIPS_GREY: 1
    case CVIPS_CMYK: 4
    default: 3
    }
  }
}

/// All pixels, upright and in memory, in 8 or 16 bits, grey, RGB or CMYK, with or without alpha.
private func decode(
  _ bytes: [UInt8], _ format: Format, _ name: String, _ limits: Limits, _ reduction: ReducedReading?
) throws(ImagingError) -> NativeImage {
  try bytes.withUnsafeBytes { raw -> Result<NativeImage, ImagingError> in
    do throws(VipsError) {
      cvips_free(cvips_take_error())
      let lazy = try NativeImage(cvips_decode(format.native, raw.baseAddress!, raw.count))
      do throws(ImagingError) {
        try limits.check(width: lazy.width, height: lazy.height, name: name)
        try checkPixelType(of: lazy, name)
      } catch {
        return .failure(error)
      }
      let decoded = try reduced(lazy, raw, format, reduction, normalise: normalised).inMemory()
      withExtendedLifetime(lazy) { cvips_own_blobs(decoded.pointer) }
      return .success(decoded.header.orientation > 1 ? try decoded.upright().inMemory() : decoded)
    } catch {
      return .failure(decoderFailure(error.reason, format, name))
    }
  }
  .get()
}

private func decoderFailure(_ reason: String, _ format: Format, _ name: String) -> ImagingError {
  if reason.contains("_source\" not found") {
    return ImagingError(.unsupported, name, "this libvips cannot read \(format.title) files")
  }
  if reason.contains("nsupported") {
    return ImagingError(.unsupported, name, "this kind of \(format.title) file cannot be read: \(reason)")
  }
  if reason.contains("out of memory") {
    return ImagingError(.failed, name, "there is not enough memory for it")
  }
  return ImagingError(.damaged, name, "this \(format.title) file is damaged: \(reason)")
}

private func checkPixelType(of image: NativeImage, _ name: String) throws(ImagingError) {
  let header = image.header
  if header.space == CVIPS_CONVERTIBLE { return }
  if header.type != CVIPS_UINT8, header.type != CVIPS_UINT16 {
    throw ImagingError(
      .unsupported, name, "its pixels are neither 8 nor 16 bit integers: convert it to one of these first")
  }
  let colours = header.space == CVIPS_UNNAMED ? (image.bands < 3 ? 1 : 3) : image.colourBands
  if image.bands != colours, image.bands != colours + 1 {
    throw ImagingError(.unsupported, name, "it has \(image.bands) channels, which is not handled")
  }
}

private func normalised(_ image: NativeImage) throws(VipsError) -> NativeImage {
  switch image.header.space {
  case CVIPS_CONVERTIBLE:
    let converted = try NativeImage(cvips_converted(image.pointer)).copy()
    converted.remove(profileField)
    return converted
  case CVIPS_UNNAMED: return try image.named(image.bands < 3 ? CVIPS_GREY : CVIPS_RGB)
  default: return try image.named(image.header.space)
  }
}
