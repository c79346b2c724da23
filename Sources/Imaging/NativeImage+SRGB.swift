import CVips

extension NativeImage {
  /// The same picture as 8 bits of sRGB, with alpha if there is any, and no profile; the other metadata stays.
  func srgb8(_ conversion: ColourConversion?) throws(VipsError) -> NativeImage {
    var colours = try bands(0..<colourBands).integers()
    if let conversion { colours = try conversion.toSRGB(colours, depth: 8) }
    if colours.bands == 1 { colours = try colours.joined(colours).joined(colours) }
    colours = try colours.in8Bits()
    if bands > colourBands {
      colours = try colours.joined(bands(colourBands..<colourBands + 1).in8Bits())
    }
    let named = try colours.named(CVIPS_RGB).copy()
    named.remove(profileField)
    return named
  }

  /// Blended with white where it has alpha, then shrunk, where it is larger, to a longest side.
  func shrunk(toLongestSide side: Int) throws(VipsError) -> NativeImage {
    try opaqueShrunk(by: Double(side) / Double(max(width, height)))
  }

  /// Blended with white where it has alpha, then shrunk, where it is larger, to a shorter side.
  func shrunk(toShorterSide side: Int) throws(VipsError) -> NativeImage {
    try opaqueShrunk(by: Double(side) / Double(min(width, height)))
  }

  private func opaqueShrunk(by factor: Double) throws(VipsError) -> NativeImage {
    let opaque = bands > colourBands ? try NativeImage(cvips_flatten(pointer, 255)) : self
    if factor >= 1 { return opaque }
    func scaled(_ size: Int) -> Int32 { Int32(max(1, (Double(size) * factor).rounded())) }
    return try NativeImage(cvips_resize(opaque.pointer, scaled(width), scaled(height), CVIPS_LANCZOS))
  }

  private func in8Bits() throws(VipsError) -> NativeImage {
    header.type == CVIPS_UINT8 ? self : try integers().rescaled(1 / 257.0, to: CVIPS_UINT8)
  }
}
