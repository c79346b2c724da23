import CVips

/// The name of the metadata field of an ICC profile.
let profileField = "icc-profile-data"

/// How the native colours of a source become sRGB and come back.
struct ColourConversion: Sendable {
  enum Method: Sendable {
    /// The values are sRGB, or near enough to it: they are only scaled.
    case direct
    /// Through the profile in the file.
    case profile
    /// Through the light that numbers in the file say.
    case encoding(LightConversion)
    /// CMYK as viewers without colour management show it, as the file has no profile that works.
    case plainCMYK(Separation)

    /// Nothing has to be done.
    var isDirect: Bool { if case .direct = self { true } else { false } }
  }

  let method: Method

  /// - Parameters:
  ///   - colours: the colour bands of an image, no alpha, with its metadata.
  ///   - encoding: what they mean, if numbers in the file say it and count.
  init(for colours: NativeImage, _ encoding: ColourEncoding? = nil) throws(VipsError) {
    if let encoding {
      method = .encoding(LightConversion(encoding))
      return
    }
    let isCMYK = colours.header.space == CVIPS_CMYK
    guard let profile = colours.blob(profileField),
      let deviation = deviation(of: profile, bands: colours.bands)
    else {
      method = isCMYK ? .plainCMYK(try Separation(of: colours)) : .direct
      return
    }
    method = isCMYK || deviation > negligible ? .profile : .direct
  }

  /// 3 bands of sRGB at 16 or 8 bits, from the colour bands of the source or a part of it; what is sRGB already stays
  /// as it is, but floats, which come in 16 bits.
  func toSRGB(_ image: NativeImage, depth: Int = 16) throws(VipsError) -> NativeImage {
    let colours = try image.integers()
    switch method {
    case .direct: return colours
    case .profile: return try NativeImage(cvips_to_srgb(colours.pointer, "srgb", Int32(depth)))
    case .encoding(let light): return try light.sRGB(of: colours, depth: depth)
    case .plainCMYK: return try NativeImage(cvips_plain_rgb(colours.pointer, Int32(depth)))
    }
  }

  /// The way back, from 3 bands of sRGB at 16 bits to the bands of the source, of which there are so many, at `depth`.
  func fromSRGB(_ image: NativeImage, bands: Int, profile: [UInt8]?, depth: Int) throws(VipsError)
    -> NativeImage
  {
    if case .encoding(let light) = method { return try light.own(of: image, bands: bands, depth: depth) }
    if case .plainCMYK(let separation) = method { return try separation.inks(of: image, depth: depth) }
    guard let profile else { throw VipsError() }
    return try profile.withUnsafeBufferPointer { raw throws(VipsError) in
      try NativeImage(cvips_from_srgb(image.pointer, raw.baseAddress!, raw.count, Int32(depth)))
    }
  }
}

/// Half of an 8-bit step, in 16 bits.
private let negligible = 128

/// How far a profile is from sRGB, the largest difference over a grid of colours, in 0...65535.
/// nil if the profile is broken or not one for so many bands.
private func deviation(of profile: [UInt8], bands: Int) -> Int? {
  let steps: [UInt8] = bands == 1 ? Array(0...255) : [0, 8, 24, 64, 128, 192, 255]
  var grid: [[UInt8]] = [[]]
  for _ in 0..<bands { grid = grid.flatMap { head in steps.map { head + [$0] } } }
  let values = grid.flatMap(\.self)
  let converted = values.withUnsafeBufferPointer { buffer -> [UInt16]? in
    do throws(VipsError) {
      let wrapped = try NativeImage(
        cvips_wrap(buffer.baseAddress!, Int32(grid.count), 1, Int32(bands), CVIPS_UINT8))
      let named = bands == 4 ? try wrapped.named(CVIPS_CMYK) : wrapped
      let image = try named.copy()
      image.setBlob(profileField, profile)
      return try NativeImage(cvips_to_srgb(image.pointer, "srgb", 16)).values(UInt16.self)
    } catch {
      return nil
    }
  }
  guard let converted, converted.count == grid.count * 3 else { return nil }
  if bands == 4 { return .max }
  return converted.indices.lazy.map { i in
    abs(Int(converted[i]) - 257 * Int(bands == 3 ? values[i] : values[i / 3]))
  }.max()
}
