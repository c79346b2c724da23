/// What an input may cost. It is checked against the file's header, before pixels are decoded.
public struct Limits: Sendable {
  /// The most pixels, width times height.
  public var maxPixels: Int

  /// - Parameter maxPixels: 2^28, 268 megapixels, unless said otherwise.
  public init(maxPixels: Int = 1 << 28) { self.maxPixels = maxPixels }

  /// The most bytes of a file: what the largest image would take without compression, and room for metadata.
  public var maxBytes: Int {
    let (bytes, overflow) = max(maxPixels, 0).multipliedReportingOverflow(by: 8)
    return overflow || bytes > Int.max / 2 ? Int.max / 2 : bytes + (256 << 20)
  }

  func check(width: Int, height: Int, name: String) throws(ImagingError) {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    if !overflow, pixels <= maxPixels { return }
    throw ImagingError(
      .tooLarge, name,
      "\(width) x \(height) pixels are more than the limit of \(maxPixels) (raise it with --max-pixels)")
  }
}
