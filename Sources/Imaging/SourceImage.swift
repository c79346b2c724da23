import CVips

/// An image that came from a file, kept so that a result can be written back as near to it as possible:
/// the native pixels (8 or 16 bits or floats, the file's own colour space, alpha) and all metadata. It is upright:
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
  /// Bits per channel in memory: 8, 16, or 32 of floats.
  public let bitDepth: Int
  /// Channels without alpha: 1 (grey), 3 (RGB) or 4 (CMYK).
  public let colourChannels: Int
  public var hasAlpha: Bool { native.bands > colourChannels }
  /// The ICC profile's bytes, if the file has one.
  public var profile: [UInt8]? { native.blob(profileField) }
  /// Pages or frames in the file, of which this is one.
  public let pageCount: Int
  /// How long each of the frames is shown; nil: they are pages, or there is one alone.
  public let frameTimes: FrameTimes?
  /// What `ResultImage.encoded` stored in an earlier run; nil if nothing.
  public let provenance: String?
  /// What a user should know of its colours, to be put behind its name; nil: nothing.
  public var colourWarning: String? {
    format == .raw
      ? "a camera raw file, developed by LibRaw with the camera's white balance"
      : coding.warning ?? highlights?.warning
  }

  let native: NativeImage
  let conversion: ColourConversion
  let metadata: Metadata
  let coding: FileCoding
  private let highlights: Highlights?
  /// The samples of a TIFF file beside colour and alpha, as they are: infrared, for example.
  let others: NativeImage?
  /// The file, where it is a JPEG file.
  let jpeg: JPEGSource?
  /// The quality of a JPEG file as libjpeg counts it: 1...100, told from the quantisation table of the luma. Nil: it is no such file,
  /// or libjpeg is missing.
  public var jpegQuality: Int? {
    jpeg?.bytes.withUnsafeBytes { JPEGEncoder($0) }.map { Int($0.header.quality) }.flatMap { $0 > 0 ? $0 : nil }
  }

  /// Reads and decodes an image: one picture of a file that has several.
  ///
  /// - Parameters:
  ///   - frame: which, from 0 on, in GIF, WebP, AVIF and TIFF.
  ///   - shorterSide: pixels of the shorter side that there is use for: a larger picture is read at a half, a quarter or
  ///     an eighth of its size, with at least four times that side. nil: all.
  ///   - digest: whether to compute the SHA-256 of the file.
  /// Throws `libraryMissing`, `unreadable`, `notAnImage`, `damaged` (truncated files too), `tooLarge`
  /// or `unsupported`; `invalidArgument` where there is no such frame.
  public static func open(
    _ input: Input, limits: Limits = Limits(), frame: Int = 0, shorterSide: Int? = nil, digest: Bool = false
  ) throws(ImagingError) -> SourceImage {
    let bytes = try input.read(limits)
    try Imaging.load()
    return try SourceImage(
      bytes, of: input, limits, frame: frame, shorterSide.map { ReducedReading(side: $0) }, digest: digest)
  }

  /// `other` with other pixels of the same kind, in its own or another size.
  init(_ other: SourceImage, native: NativeImage, others: NativeImage?) {
    self.native = native
    self.others = others
    (metadata, coding, highlights) = (other.metadata, other.coding, other.highlights)
    (name, format, digest) = (other.name, other.format, other.digest)
    (pageCount, frameTimes) = (other.pageCount, other.frameTimes)
    (bitDepth, colourChannels) = (other.bitDepth, other.colourChannels)
    (provenance, conversion) = (other.provenance, other.conversion)
    let isOfThatSize = native.width == other.width && native.height == other.height
    jpeg = isOfThatSize ? other.jpeg : other.jpeg?.inAnotherSize
  }

  /// `pixels` as if a file had held them, without its metadata.
  init(
    _ pixels: NativeImage, name: String, format: Format, digest: String?, pageCount: Int
  ) throws(VipsError) {
    native = pixels
    (self.name, self.format, self.digest, self.pageCount) = (name, format, digest, pageCount)
    colourChannels = pixels.colourBands
    bitDepth = pixels.bitDepth
    (metadata, coding, highlights, others, jpeg) = (Metadata(), FileCoding(), nil, nil, nil)
    (provenance, frameTimes) = (nil, nil)
    conversion = try ColourConversion(for: pixels.bands(0..<pixels.colourBands))
  }

  private init(
    _ file: [UInt8], of input: Input, _ limits: Limits, frame: Int, _ reduction: ReducedReading?, digest: Bool
  ) throws(ImagingError) {
    let name = input.name
    guard let format = Format(of: file) else {
      throw ImagingError(.notAnImage, name, "not a picture that can be read (\(Format.list))")
    }
    let view = try FrameView(file, format, name, frame: frame, input.openedFile)
    let bytes = view.bytes
    var samples = TIFFSamples()
    if format == .tiff { samples = TIFFSamples(bytes) }
    if let bits = samples.bits, ![1, 2, 4, 8, 16, 32].contains(bits) {
      throw ImagingError(
        .unsupported, name, "its samples have \(bits) bits: convert them to 8, 16 or 32 first")
    }
    let decoded = try decode(view, format, name, samples, limits, reduction)
    let image = decoded.image
    coding = FileCoding(bytes, format)
    let pages = max(Int(image.header.pages) + view.skipped, coding.pictures)
    frameTimes = pages > 1 ? view.decoder?.times ?? FrameTimes(image) : nil
    var metadata = Metadata(bytes, format, image)
    metadata.samples = samples
    (metadata.width, metadata.height) = (image.width, image.height)
    (metadata.pages, metadata.isTurned) = (pages, decoded.orientation > 1)
    self.metadata = metadata
    dropMetadata(of: image)
    let counts = coding.overridesProfile || image.blob(profileField) == nil
    let encoding = counts && image.header.space != CVIPS_CMYK ? coding.encoding : nil
    if let profile = encoding?.profile(bands: image.colourBands) { image.setBlob(profileField, profile) }
    highlights = try Highlights(image, name)
    do throws(VipsError) {
      (native, others) = try samples.split(image)
    } catch {
      throw ImagingError(.failed, name, error.reason)
    }
    jpeg =
      format == .jpeg ? JPEGSource(bytes, orientation: decoded.orientation, pixels: native) : nil
    self.name = name
    self.format = format
    self.digest = digest ? try input.digest(of: file) : nil
    colourChannels = image.colourBands
    bitDepth = image.bitDepth
    pageCount = pages
    provenance = metadata.xmp.flatMap(readProvenance)
    do {
      conversion = try ColourConversion(for: image.bands(0..<image.colourBands), encoding)
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

/// All pixels, upright and in memory, in 8 or 16 bits or floats, grey, RGB or CMYK, with or without alpha; and the
/// EXIF orientation that they had.
private func decode(
  _ view: FrameView, _ format: Format, _ name: String, _ samples: TIFFSamples, _ limits: Limits,
  _ reduction: ReducedReading?
) throws(ImagingError) -> (image: NativeImage, orientation: Int) {
  if format.native == nil {
    let bitmap = try Bitmap(view.bytes, format, name: name, limits)
    do { return (try bitmap.native(), 1) } catch { throw decoderFailure(error.reason, format, name) }
  }
  if let size = view.size { try limits.check(width: size.width, height: size.height, name: name) }
  return try view.bytes.withUnsafeBytes {
    raw -> Result<(image: NativeImage, orientation: Int), ImagingError> in
    do throws(VipsError) {
      cvips_free(cvips_take_error())
      let lazy = try view.lazyPicture(raw, format)
      do throws(ImagingError) {
        try limits.check(width: lazy.width, height: lazy.height, name: name)
        try checkPixelType(of: lazy, samples, name)
      } catch {
        return .failure(error)
      }
      let decoded = try reduced(lazy, raw, format, reduction, normalise: normalised).inMemory()
      withExtendedLifetime(lazy) { cvips_own_blobs(decoded.pointer) }
      let orientation = Int(decoded.header.orientation)
      return .success((orientation > 1 ? try decoded.upright().inMemory() : decoded, orientation))
    } catch {
      return .failure(decoderFailure(error.reason, format, name))
    }
  }
  .get()
}

func decoderFailure(_ reason: String, _ format: Format, _ name: String) -> ImagingError {
  if reason.contains("_source\" not found") {
    return ImagingError(.unsupported, name, "this libvips cannot read \(format.title) files")
  }
  if reason.contains("nsupported") {
    return ImagingError(.unsupported, name, "this kind of \(format.title) file cannot be read: \(reason)")
  }
  if reason.contains("out of memory") {
    return ImagingError(.noMemory, name, "there is not enough memory for it")
  }
  if reason == VipsError.noThread { return ImagingError(.failed, name, reason) }
  return .damaged(name, format, reason)
}

private func checkPixelType(of image: NativeImage, _ samples: TIFFSamples, _ name: String)
  throws(ImagingError)
{
  let header = image.header
  if header.space == CVIPS_CONVERTIBLE { return }
  if header.type == CVIPS_OTHER_TYPE {
    throw ImagingError(
      .unsupported, name,
      "its pixels are neither integers of 8 or 16 bits nor floats of 32: convert it to one of these first")
  }
  let colours = header.space == CVIPS_UNNAMED ? (image.bands < 3 ? 1 : 3) : image.colourBands
  let others = image.bands - colours
  if others < 0 || others > max(1, samples.extra?.count ?? 0) {
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
