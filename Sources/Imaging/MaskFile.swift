import CVips

/// A mask as a file holds it: 8 bits of grey, white where it marks.
public struct MaskFile: Sendable {
  /// Pixels across and down.
  public let width: Int, height: Int
  /// Row after row.
  private var levels: [UInt8]

  /// Marks nothing.
  public init(width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    levels = [UInt8](repeating: 0, count: width * height)
  }

  /// Lays a part over it, which is opaque.
  /// - Parameter part: 1 channel, or 3 of which the first counts; within the mask.
  public mutating func lay(_ part: FloatImage, x: Int, y: Int) {
    precondition(x >= 0 && y >= 0 && x + part.width <= width && y + part.height <= height)
    for row in 0..<part.height {
      for column in 0..<part.width {
        levels[(y + row) * width + x + column] = quantised(
          part.pixels[(row * part.width + column) * part.channels], to: UInt8.self)
      }
    }
  }

  /// Writes it as PNG. Throws what `ResultImage.write` throws.
  public func write(to output: Output) throws(ImagingError) {
    try Imaging.load()
    let native: NativeImage
    do {
      native = try levels.withUnsafeBufferPointer { bytes throws(VipsError) in
        try NativeImage(cvips_wrap(bytes.baseAddress!, Int32(width), Int32(height), 1, CVIPS_UINT8))
          .named(CVIPS_GREY).inMemory()
      }
    } catch {
      throw ImagingError(.failed, "the mask cannot be made: \(error.reason)")
    }
    try ResultImage(native, conversion: nil, sourceFormat: nil, sourceName: "the mask")
      .write(to: output, format: .png)
  }
}
