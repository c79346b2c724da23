extension Format {
  /// The most pixels along a side.
  var largestSide: Int {
    switch self {
    case .jpeg: 65500
    case .webp: 16383
    case .avif, .heic: 16384
    case .gif: 65535
    case .png, .tiff, .ppm, .jxl, .jp2, .bmp, .tga, .psd, .raw: 10_000_000
    }
  }

  /// Throws `tooLarge` where an image of so many pixels across and down cannot be a file of this format.
  public func check(width: Int, height: Int) throws(ImagingError) {
    guard max(width, height) > largestSide else { return }
    throw ImagingError(
      .tooLarge,
      "\(width) x \(height) pixels are more than \(title) holds (\(largestSide) along a side): "
        + "choose another format")
  }

  var holdsAlpha: Bool { isWritten && self != .jpeg && self != .ppm }
  var holdsCMYK: Bool { self == .jpeg || self == .tiff }
  var holdsGrey: Bool { [.jpeg, .png, .tiff, .ppm, .jxl].contains(self) }
  var holdsFloats: Bool { self == .tiff }
  var holdsBilevel: Bool { self == .png || self == .tiff || self == .ppm }
  var holdsProfile: Bool { isWritten && self != .gif && self != .ppm }
  var holdsEXIF: Bool { isWritten && self != .ppm && self != .gif }
  var holdsIPTC: Bool { self == .jpeg || self == .tiff || self == .png }
  var holdsXMP: Bool { isWritten && self != .ppm }
  var isAlwaysLossless: Bool { self == .png || self == .tiff || self == .ppm }
  var hasLosslessMode: Bool { [.webp, .avif, .heic, .jxl].contains(self) }

  /// Bits per channel that a writer can be asked for.
  var bitDepths: [Int] {
    switch self {
    case .png, .tiff, .ppm, .jxl: [8, 16]
    case .avif, .heic: [8, 10, 12]
    case .jpeg, .webp, .gif, .jp2, .bmp, .tga, .psd, .raw: [8]
    }
  }

  /// Bits per channel of an image of 16 bits that a file keeps just as they are; 0: encoding alters values.
  public func keptBits(lossless: Bool, wanted: Int?) -> Int {
    switch self {
    case .png, .tiff, .ppm: wanted ?? 16
    case .webp: lossless ? 8 : 0
    case .jxl: lossless ? wanted ?? 16 : 0
    case .jpeg, .gif, .avif, .heic, .jp2, .bmp, .tga, .psd, .raw: 0
    }
  }

  /// The depth of the file for pixels that have 8 or 16 bits.
  func fileDepth(wanted: Int?, native: Int) -> Int {
    if let wanted, bitDepths.contains(wanted) { return wanted }
    return bitDepths.last { $0 <= wanted ?? native } ?? 8
  }
}
