import CVips

extension SourceImage {
  /// The colours as sRGB, 3 channels in 0...1: converted from the file's profile, grey repeated,
  /// CMYK converted, alpha left out (colours are not multiplied with it). Throws `failed`.
  public func rgb() throws(ImagingError) -> FloatImage {
    try reading { () throws(VipsError) in try colours().floats() }
  }

  /// Writes the same colours, 3 · width · height floats, without a copy of them between.
  public func readRGB(into floats: UnsafeMutablePointer<Float>) throws(ImagingError) {
    try reading { () throws(VipsError) in try colours().read(into: floats) }
  }

  /// 3 bands of sRGB.
  private func colours() throws(VipsError) -> NativeImage {
    let colours = try conversion.toSRGB(native.bands(0..<colourChannels))
    return colours.bands == 3 ? colours : try colours.joined(colours).joined(colours)
  }

  /// The alpha channel, 1 channel in 0...1, or nil if there is none. Throws `failed`.
  public func alpha() throws(ImagingError) -> FloatImage? {
    guard hasAlpha else { return nil }
    return try reading { () throws(VipsError) in
      try native.bands(colourChannels..<colourChannels + 1).integers().floats()
    }
  }

  func reading<Result>(_ body: () throws(VipsError) -> Result) throws(ImagingError) -> Result {
    do {
      return try body()
    } catch {
      throw ImagingError(.failed, name, "its pixels cannot be converted: \(error.reason)")
    }
  }
}
