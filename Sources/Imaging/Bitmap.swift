import CVips

/// The pixels of a file that is read without libvips, as they are stored, upright.
struct Bitmap {
  let width, height: Int
  /// Interleaved: grey, RGB or CMYK (of which the largest value is full ink), and perhaps alpha.
  let channels: Int
  /// Row after row from the top left; two bytes for a sample in the machine's order where they are wide.
  let bytes: [UInt8]
  var isWide = false
  var isCMYK = false
  /// An ICC profile.
  var profile: [UInt8]?

  /// - Parameter format: one without a libvips loader.
  /// Throws `damaged`, `unsupported` or `tooLarge`.
  init(_ file: [UInt8], _ format: Format, name: String, _ limits: Limits) throws(ImagingError) {
    self =
      switch format {
      case .tga: try TGAFile(file, name: name, limits).bitmap
      case .psd: try PSDFile(file, name: name, limits).bitmap
      case .raw: try RawFile(file, name: name, limits).bitmap
      default: try BMPFile(file, name: name, limits).bitmap
      }
  }

  init(
    width: Int, height: Int, channels: Int, bytes: [UInt8], isWide: Bool = false, isCMYK: Bool = false,
    profile: [UInt8]? = nil
  ) {
    (self.width, self.height, self.channels, self.bytes) = (width, height, channels, bytes)
    (self.isWide, self.isCMYK, self.profile) = (isWide, isCMYK, profile)
  }

  /// As libvips has it.
  func native() throws(VipsError) -> NativeImage {
    let image = try bytes.withUnsafeBufferPointer { raw throws(VipsError) in
      let type = isWide ? CVIPS_UINT16 : CVIPS_UINT8
      let wrapped = try NativeImage(
        cvips_wrap(raw.baseAddress!, Int32(width), Int32(height), Int32(channels), type))
      return try (isCMYK ? wrapped.named(CVIPS_CMYK) : wrapped).inMemory()
    }
    if let profile { image.setBlob(profileField, profile) }
    return image
  }

  /// The samples as numbers, 0...255 or 0...65535.
  var samples: FloatImage {
    let values =
      isWide
      ? bytes.withUnsafeBytes { raw in
        (0..<raw.count / 2).map { Float(raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
      }
      : bytes.map(Float.init)
    return FloatImage(width: width, height: height, channels: channels, pixels: values)
  }
}
