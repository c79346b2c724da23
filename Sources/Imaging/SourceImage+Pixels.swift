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

  /// The image read as a mask, 1 channel in 0...1.
  ///
  /// If it is not opaque everywhere and all that can be seen has one colour, the alpha channel is the mask:
  /// something painted on a transparent layer. Otherwise the mask is the luma, black 0, white 1,
  /// times alpha. Profiles are not applied: equal grey values give equal mask values. Throws `failed`.
  public func mask() throws(ImagingError) -> FloatImage {
    let luma = try self.luma()
    guard let alpha = try self.alpha(), alpha.pixels.contains(where: { $0 < 1 }) else { return luma }
    if try isOneColour(where: alpha) { return alpha }
    var mask = luma
    for i in mask.pixels.indices { mask.pixels[i] *= alpha.pixels[i] }
    return mask
  }

  private func luma() throws(ImagingError) -> FloatImage {
    if colourChannels == 4 { return rec709Luma(try rgb()) }
    let colours = try reading { () throws(VipsError) in try native.bands(0..<colourChannels).floats() }
    return colourChannels == 1 ? colours : rec709Luma(colours)
  }

  private func isOneColour(where alpha: FloatImage) throws(ImagingError) -> Bool {
    let colours = try reading { () throws(VipsError) in try native.bands(0..<colourChannels).floats() }
    let count = colours.channels
    guard let first = alpha.pixels.firstIndex(where: { $0 > 0 }) else { return true }
    return alpha.pixels.indices.allSatisfy { i in
      alpha.pixels[i] == 0
        || (0..<count).allSatisfy { colours.pixels[i * count + $0] == colours.pixels[first * count + $0] }
    }
  }

  private func reading<Result>(_ body: () throws(VipsError) -> Result) throws(ImagingError) -> Result {
    do {
      return try body()
    } catch {
      throw ImagingError(.failed, name, "its pixels cannot be converted: \(error.reason)")
    }
  }
}

private func rec709Luma(_ image: FloatImage) -> FloatImage {
  let pixels = (0..<image.width * image.height).map { i -> Float in
    let (r, g, b) = (image.pixels[3 * i], image.pixels[3 * i + 1], image.pixels[3 * i + 2])
    // Greys come out as they are, whatever the rounding of the weights.
    return g + 0.2126 * (r - g) + 0.0722 * (b - g)
  }
  return FloatImage(width: image.width, height: image.height, channels: 1, pixels: pixels)
}
