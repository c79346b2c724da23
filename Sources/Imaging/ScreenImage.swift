import CVips

/// A picture as a screen shows it, in memory, to be looked at part by part: sRGB in 8 bits, with its transparency.
public final class ScreenImage: Sendable {
  /// Pixels across and down.
  public var width: Int { native.width }
  public var height: Int { native.height }
  public var hasAlpha: Bool { native.bands > native.colourBands }
  private let native: NativeImage
  private let name: String

  /// Throws `failed`, for want of memory for example.
  public init(_ source: SourceImage) throws(ImagingError) {
    name = source.name
    do {
      native = try source.native.srgb8(source.conversion).inMemory()
    } catch {
      throw ImagingError(.failed, name, "it cannot be shown: \(error.reason)")
    }
  }

  /// A part of it as a file: JPEG, or PNG where it has transparency.
  /// - Parameters:
  ///   - x: the part's place in pixels; what lies outside of the picture is left out.
  ///   - longestSide: the part is shrunk, where it is larger, until its longer side is this many pixels.
  /// Throws `invalidArgument` where nothing of the picture is in it; `failed`.
  public func part(x: Int, y: Int, width: Int, height: Int, longestSide: Int) throws(ImagingError)
    -> EncodedImage
  {
    let area = Area(x: x, y: y, width: width, height: height).clipped(width: self.width, height: self.height)
    guard !area.isEmpty, longestSide > 0 else {
      throw ImagingError(.invalidArgument, name, "no part of it lies at \(x),\(y),\(width),\(height)")
    }
    let shown: NativeImage
    do {
      shown = try native.cropped(area).fitted(into: longestSide).inMemory()
    } catch {
      throw ImagingError(.failed, name, "it cannot be shown: \(error.reason)")
    }
    return try ResultImage(shown, conversion: nil, sourceFormat: nil, sourceName: name)
      .encoded(as: hasAlpha ? .png : .jpeg)
  }
}

extension NativeImage {
  fileprivate func fitted(into side: Int) throws(VipsError) -> NativeImage {
    let factor = Double(side) / Double(max(width, height))
    if factor >= 1 { return self }
    func scaled(_ size: Int) -> Int32 { Int32(max(1, (Double(size) * factor).rounded())) }
    return try NativeImage(cvips_resize(pointer, scaled(width), scaled(height), CVIPS_LANCZOS))
  }
}
