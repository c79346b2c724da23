import CVips

/// How much of the dark of a CMYK picture without a profile is black ink, and not the three others: new colours are mixed
/// in the same way, so that they fit in whatever the inks are shown with.
struct Separation: Sendable, Equatable {
  /// The share of black in what all colours lack of white, 0...1.
  let black: Float

  /// As in a picture of 4 bands, from some of its rows.
  init(of image: NativeImage) throws(VipsError) {
    var (ink, dark) = (0.0, 0.0)
    for y in stride(from: 0, to: image.height, by: max(image.height / 128, 1)) {
      let row = try image.cropped(Area(x: 0, y: y, width: image.width, height: 1))
      let values =
        image.header.type == CVIPS_UINT16
        ? try row.values(UInt16.self).map { Double($0) / 65535 }
        : try row.values(UInt8.self).map { Double($0) / 255 }
      for at in stride(from: 0, to: values.count, by: 4) {
        ink += values[at + 3]
        dark += 1 - (1 - values[at..<at + 3].min()!) * (1 - values[at + 3])
      }
    }
    black = dark > 0 ? Float(min(ink / dark, 1)) : 0
  }

  /// CMYK at `depth` from RGB of 16 bits.
  func inks(of image: NativeImage, depth: Int) throws(VipsError) -> NativeImage {
    let colours = try image.values(UInt16.self)
    return depth == 16
      ? try native(inks(of: colours, as: UInt16.self), image, CVIPS_UINT16)
      : try native(inks(of: colours, as: UInt8.self), image, CVIPS_UINT8)
  }

  private func inks<Value: FixedWidthInteger & UnsignedInteger>(of colours: [UInt16], as _: Value.Type)
    -> [Value]
  {
    var inks: [Value] = []
    inks.reserveCapacity(colours.count / 3 * 4)
    for at in stride(from: 0, to: colours.count, by: 3) {
      let colour = (at..<at + 3).map { Float(colours[$0]) / 65535 }
      let ink = black * (1 - colour.max()!)
      for part in colour { inks.append(quantised(ink < 1 ? 1 - part / (1 - ink) : 0, to: Value.self)) }
      inks.append(quantised(ink, to: Value.self))
    }
    return inks
  }

  private func native<Value>(_ inks: [Value], _ image: NativeImage, _ type: cvips_type) throws(VipsError)
    -> NativeImage
  {
    try inks.withUnsafeBufferPointer { buffer throws(VipsError) in
      try NativeImage(cvips_wrap(buffer.baseAddress!, Int32(image.width), Int32(image.height), 4, type))
        .named(CVIPS_CMYK).inMemory()
    }
  }
}
