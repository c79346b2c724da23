import CVips
import PixelGrid

extension FloatImage {
  /// The whole image in another size. Pixel centres are aligned (half-pixel convention).
  ///
  /// Shrinking antialiases: the kernel widens with the factor, save for `nearest`. Beyond its edges
  /// the image is taken to go on with its outermost pixels. `cubic` and `lanczos` may overshoot 0...1;
  /// `lanczos` enlarges as `cubic`.
  /// Throws `invalidArgument` for a size below 1, `failed` when memory runs out.
  public func resized(
    width newWidth: Int, height newHeight: Int, kernel: ResamplingKernel = .linear
  ) throws(ImagingError) -> FloatImage {
    guard newWidth > 0, newHeight > 0, newWidth <= 10_000_000, newHeight <= 10_000_000 else {
      throw ImagingError(.invalidArgument, "an image cannot be made \(newWidth) x \(newHeight) pixels large")
    }
    if newWidth == width, newHeight == height { return self }
    switch kernel {
    case .nearest: return nearest(newWidth, newHeight)
    case .box: return areaMean(newWidth, newHeight)
    case .linear: return try resampled(newWidth, newHeight, CVIPS_LINEAR)
    case .cubic: return try resampled(newWidth, newHeight, CVIPS_CUBIC)
    case .lanczos: return try resampled(newWidth, newHeight, CVIPS_LANCZOS)
    }
  }

  /// A Gaussian blur; sigma in pixels, at least 0. Edges are extended.
  /// Throws `invalidArgument` for a sigma that is no such number, `failed` when memory runs out.
  public func blurred(sigma: Double) throws(ImagingError) -> FloatImage {
    guard sigma >= 0, sigma <= 1000 else {
      throw ImagingError(.invalidArgument, "a blur of \(sigma) pixels: give 0 to 1000")
    }
    // Narrower than that it changes no value by a part in 10^5.
    if sigma < 0.2 { return self }
    return try throughVips { image throws(VipsError) in try NativeImage(cvips_blur(image.pointer, sigma)) }
  }

  /// A Gaussian blur of an image that tiles: beyond its edges it goes on at its other side.
  func blurredTile(sigma: Double) throws(ImagingError) -> FloatImage {
    // The kernel reaches no farther.
    let margin = Int((4 * sigma).rounded(.up))
    let columns = (-margin..<width + margin).map { Boundary.wrapped.position($0, width) * channels }
    var grown: [Float] = []
    grown.reserveCapacity((width + 2 * margin) * (height + 2 * margin) * channels)
    for y in -margin..<height + margin {
      let row = Boundary.wrapped.position(y, height) * width * channels
      for column in columns { grown += pixels[row + column..<row + column + channels] }
    }
    return try FloatImage(
      width: width + 2 * margin, height: height + 2 * margin, channels: channels, pixels: grown
    ).blurred(sigma: sigma).cropped(x: margin, y: margin, width: width, height: height)
  }

  /// The part of the image in a rectangle, which is first cut to the image's bounds.
  /// Throws `invalidArgument` if nothing remains.
  public func cropped(x: Int, y: Int, width: Int, height: Int) throws(ImagingError) -> FloatImage {
    let area = Area(x: x, y: y, width: width, height: height)
      .clipped(width: self.width, height: self.height)
    guard !area.isEmpty else {
      throw ImagingError(
        .invalidArgument,
        "the rectangle at \(x), \(y) of \(width) x \(height) pixels is outside the image of "
          + "\(self.width) x \(self.height)")
    }
    var part: [Float] = []
    part.reserveCapacity(area.width * area.height * channels)
    for row in area.y..<area.y + area.height {
      let start = (row * self.width + area.x) * channels
      part += pixels[start..<start + area.width * channels]
    }
    return FloatImage(width: area.width, height: area.height, channels: channels, pixels: part)
  }

  private func resampled(_ width: Int, _ height: Int, _ kernel: cvips_kernel) throws(ImagingError)
    -> FloatImage
  {
    try throughVips { image throws(VipsError) in
      try NativeImage(cvips_resize(image.pointer, Int32(width), Int32(height), kernel))
    }
  }

  private func throughVips(_ operation: (NativeImage) throws(VipsError) -> NativeImage) throws(ImagingError)
    -> FloatImage
  {
    try Imaging.load()
    do {
      return try withNative { image throws(VipsError) in try operation(image).floats() }
    } catch {
      throw ImagingError(.failed, "the image cannot be resized or blurred: \(error.reason)")
    }
  }
}
