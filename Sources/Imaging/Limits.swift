/// What an input may cost. It is checked against the file's header, before pixels are decoded.
public struct Limits: Sendable {
  /// The most pixels, width times height.
  public var maxPixels: Int
  /// Bytes of memory that there are for it, and what limits them; nil: no limit is known.
  public var memory: (bytes: Int, limit: String)?

  /// - Parameter maxPixels: 2^28, 268 megapixels, unless said otherwise.
  public init(maxPixels: Int = 1 << 28) { self.maxPixels = maxPixels }

  /// The most bytes of a file: what the largest image would take without compression, and room for metadata.
  public var maxBytes: Int {
    let (bytes, overflow) = max(maxPixels, 0).multipliedReportingOverflow(by: 8)
    return overflow || bytes > Int.max / 2 ? Int.max / 2 : bytes + (256 << 20)
  }

  func check(width: Int, height: Int, name: String) throws(ImagingError) {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    if !overflow, pixels <= maxPixels {
      // 3 bytes as they are decoded, and 3 floats as they are worked on.
      let bytes = pixels * 15
      guard let memory, bytes > memory.bytes else { return }
      throw ImagingError(
        .noMemory, name,
        "\(width) x \(height) pixels take \(bytes >> 20) MB of memory at least, and \(memory.bytes >> 20) MB are left; "
          + "raise the limit (\(memory.limit)) or reduce the picture")
    }
    throw ImagingError(
      .tooLarge, name,
      "\(width) x \(height) pixels are more than the limit of \(maxPixels) (raise it with --max-pixels)")
  }
}
