/// How a file is encoded.
public struct WriteOptions: Sendable {
  /// 1...100, for JPEG (92 unless said otherwise, or as in the JPEG file that it is made from), WebP (90), JPEG XL (90),
  /// AVIF (75) and HEIC (85).
  public var quality: Int?
  /// No loss, for WebP, JPEG XL, AVIF and HEIC (these two but for the conversion to YCbCr). PNG, TIFF and PPM never
  /// lose anything. WebP keeps colours under fully transparent pixels only with libvips 8.16 or later.
  public var lossless: Bool
  /// 0 (fastest) ...9 (smallest file), for PNG, WebP, JPEG XL, AVIF, HEIC and GIF.
  public var effort: Int?
  /// Leaves out all metadata but the ICC profile (and the provenance that is given).
  public var stripMetadata: Bool
  /// Whether what is made of a scan of one bit per pixel is black and white again, where no depth is given.
  public var keepsBilevel: Bool
  /// Bits per channel, 8 or 16; AVIF and HEIC also 10 and 12. As in the source unless said otherwise.
  public var bitDepth: Int?

  public init(
    quality: Int? = nil, lossless: Bool = false, effort: Int? = nil, stripMetadata: Bool = false,
    bitDepth: Int? = nil, keepsBilevel: Bool = true
  ) {
    self.quality = quality
    self.lossless = lossless
    self.effort = effort
    self.stripMetadata = stripMetadata
    self.bitDepth = bitDepth
    self.keepsBilevel = keepsBilevel
  }

  func check() throws(ImagingError) {
    if let quality, !(1...100).contains(quality) {
      throw ImagingError(.invalidArgument, "quality \(quality): give 1 to 100")
    }
    if let effort, !(0...9).contains(effort) {
      throw ImagingError(.invalidArgument, "effort \(effort): give 0 to 9")
    }
    if let bitDepth, ![8, 10, 12, 16].contains(bitDepth) {
      throw ImagingError(
        .invalidArgument, "\(bitDepth) bits per channel: give 8 or 16 (AVIF and HEIC: 8, 10 or 12)")
    }
  }
}
