import CVips

/// Reading a picture at a fraction of its size, where no more than a small copy of it is wanted.
struct ReducedReading {
  /// Pixels of the shorter side of that copy.
  let side: Int

  /// By what both sides are divided: at least four times the copy's side is left, so that its own filter has the last
  /// say.
  func factor(width: Int, height: Int) -> Int {
    [8, 4, 2].first { min(width, height) / $0 >= 4 * side } ?? 1
  }
}

extension NativeImage {
  /// Means over squares of `factor` pixels along a side.
  fileprivate func shrunk(by factor: Int) throws(VipsError) -> NativeImage {
    try NativeImage(cvips_shrink(pointer, Int32(factor)))
  }
}

/// The picture in `bytes`, whose header `image` is, with at least what `reduction` leaves of it.
///
/// JPEG is decoded from fewer of its coefficients; of other formats, means over squares are taken row by row, so that the
/// whole is never in memory.
func reduced(
  _ image: NativeImage, _ bytes: UnsafeRawBufferPointer, _ format: Format, _ reduction: ReducedReading?,
  normalise: (NativeImage) throws(VipsError) -> NativeImage
) throws(VipsError) -> NativeImage {
  let factor = reduction?.factor(width: image.width, height: image.height) ?? 1
  if factor == 1 { return try normalise(image) }
  if format == .jpeg {
    return try normalise(NativeImage(cvips_decode_jpeg(bytes.baseAddress!, bytes.count, Int32(factor))))
  }
  return try normalise(image).shrunk(by: factor)
}
