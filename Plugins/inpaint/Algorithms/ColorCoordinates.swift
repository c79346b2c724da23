/// Orthonormal opponent coordinates: luma, red against blue, green against both; distances are those of sRGB but
/// for the weight of the last two.
struct ColorCoordinates {
  let channels: Int
  let chromaWeight: Float

  func forward(_ image: Planes, at i: Int) -> SIMD4<Float> {
    guard channels >= 3 else { return SIMD4(image.samples[i] * 1.7320508, 0, 0, 0) }
    let r = image.samples[i]
    let g = image.samples[image.area + i]
    let b = image.samples[2 * image.area + i]
    return SIMD4(
      (r + g + b) * 0.57735027, (r - b) * 0.70710678 * chromaWeight,
      (2 * g - r - b) * 0.40824829 * chromaWeight, 0)
  }

  func inverse(_ texel: Texel, into image: inout Planes, at i: Int) {
    func clamp(_ value: Float) -> Float { min(1, max(0, value)) }
    guard channels >= 3 else {
      image.samples[i] = clamp(texel[0] / 1.7320508)
      return
    }
    let luma = texel[0] * 0.57735027
    let redBlue = texel[1] / chromaWeight * 0.70710678
    let green = texel[2] / chromaWeight * 0.40824829
    image.samples[i] = clamp(luma + redBlue - green)
    image.samples[image.area + i] = clamp(luma + 2 * green)
    image.samples[2 * image.area + i] = clamp(luma - redBlue - green)
  }
}
