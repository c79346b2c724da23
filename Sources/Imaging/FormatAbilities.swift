extension Format {
  /// The most pixels along a side.
  var largestSide: Int {
    switch self {
    case .jpeg: 65500
    case .webp: 16383
    case .avif, .heic: 16384
    case .gif: 65535
    case .png, .tiff, .ppm, .bmp: 10_000_000
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

  var holdsAlpha: Bool { self != .jpeg && self != .ppm && self != .bmp }
  var holdsCMYK: Bool { self == .jpeg || self == .tiff }
  var holdsGrey: Bool { self == .jpeg || self == .png || self == .tiff || self == .ppm }
  var holdsFloats: Bool { self == .tiff }
  var holdsBilevel: Bool { self == .png || self == .tiff || self == .ppm }
  var holdsProfile: Bool { self != .gif && self != .ppm && self != .bmp }
  var holdsEXIF: Bool { self != .ppm && self != .gif && self != .bmp }
  var holdsIPTC: Bool { self == .jpeg || self == .tiff || self == .png }
  var holdsXMP: Bool { self != .ppm && self != .bmp }
  var isAlwaysLossless: Bool { self == .png || self == .tiff || self == .ppm }
  var hasLosslessMode: Bool { self == .webp || self == .avif || self == .heic }

  /// Bits per channel that a writer can be asked for.
  var bitDepths: [Int] {
    switch self {
    case .jpeg, .webp, .gif, .bmp: [8]
    case .png, .tiff, .ppm: [8, 16]
    case .avif, .heic: [8, 10, 12]
    }
  }

  /// Bits per channel of an image of 16 bits that a file keeps just as they are; 0: encoding alters values.
  public func keptBits(lossless: Bool, wanted: Int?) -> Int {
    switch self {
    case .png, .tiff, .ppm: wanted ?? 16
    case .webp: lossless ? 8 : 0
    case .jpeg, .gif, .avif, .heic, .bmp: 0
    }
  }

  /// The depth of the file for pixels that have 8 or 16 bits.
  func fileDepth(wanted: Int?, native: Int) -> Int {
    if let wanted, bitDepths.contains(wanted) { return wanted }
    return bitDepths.last { $0 <= wanted ?? native } ?? 8
  }
}
