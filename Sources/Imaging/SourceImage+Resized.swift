import CVips

extension SourceImage {
  /// This image in another size, in its own colour space and depth, with its metadata.
  ///
  /// Colours are weighed by alpha, so that those of transparent pixels do not bleed into what can be seen.
  /// Throws `invalidArgument` for a size below 1, `failed` when memory runs out.
  public func resized(width newWidth: Int, height newHeight: Int) throws(ImagingError) -> SourceImage {
    guard newWidth > 0, newHeight > 0, newWidth <= 10_000_000, newHeight <= 10_000_000 else {
      throw ImagingError(
        .invalidArgument, "an image cannot be made \(newWidth) x \(newHeight) pixels large")
    }
    if newWidth == width, newHeight == height { return self }
    do {
      func resized(_ image: NativeImage) throws(VipsError) -> NativeImage {
        try NativeImage(cvips_resize(image.pointer, Int32(newWidth), Int32(newHeight), CVIPS_LANCZOS))
          .inMemory()
      }
      let image = try nativeResized(newWidth, newHeight).inMemory()
      return SourceImage(self, native: image, others: try others.map(resized))
    } catch {
      throw ImagingError(.failed, name, "it cannot be resized: \(error.reason)")
    }
  }

  private func nativeResized(_ newWidth: Int, _ newHeight: Int) throws(VipsError) -> NativeImage {
    func resized(_ image: NativeImage) throws(VipsError) -> NativeImage {
      try NativeImage(cvips_resize(image.pointer, Int32(newWidth), Int32(newHeight), CVIPS_LANCZOS))
    }
    guard hasAlpha else { return try resized(native) }
    let opaque = native.most
    let weighed = try resized(NativeImage(cvips_premultiplied(native.pointer, opaque)))
    let resized = try NativeImage(cvips_unpremultiplied(weighed.pointer, opaque))
    return try (bitDepth == 32 ? resized : resized.rescaled(1, to: native.header.type))
      .named(native.header.space)
  }
}
