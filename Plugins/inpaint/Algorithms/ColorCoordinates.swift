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
    let color = color(of: texel.lowHalf)
    for c in 0..<min(3, channels) { image.samples[c * image.area + i] = color[c] }
  }

  /// Red, green and blue in 0…1; of a picture of one channel three times its value.
  func color(of coordinates: SIMD4<Float>) -> SIMD3<Float> {
    func clamp(_ value: Float) -> Float { min(1, max(0, value)) }
    guard channels >= 3 else { return SIMD3(repeating: clamp(coordinates[0] / 1.7320508)) }
    let luma = coordinates[0] * 0.57735027
    let redBlue = coordinates[1] / chromaWeight * 0.70710678
    let green = coordinates[2] / chromaWeight * 0.40824829
    return SIMD3(clamp(luma + redBlue - green), clamp(luma + 2 * green), clamp(luma - redBlue - green))
  }
}
