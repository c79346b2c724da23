/// Says which colours a part of a hole may have: those near the smoothest surface that meets the border. Patches agree with one another wherever they come from; this sees that a bright field does not appear in the
/// middle of dark surroundings.
struct ColorGuidance: Sendable {
  /// Luma and chroma of the smooth surface, and the means of the patches around each pixel.
  private let expected, means: [SIMD4<Float>]
  private let weight: Float
  /// Differences up to this cost nothing: a hole may well have an edge in it.
  private static let freedom: Float = 0.15

  /// - Parameters:
  ///   - field: a level whose known texels are set.
  ///   - weight: cost of a difference, squared, beyond what is free.
  init(_ field: PatchField, weight: Float) {
    self.weight = weight
    let (width, height, area) = (field.width, field.height, field.area)
    var colors = Planes(width: width, height: height, channels: 3)
    for i in 0..<area where !field.isHole[i] {
      for c in 0..<3 { colors.samples[c * area + i] = field.texels[i][c] }
    }
    let smooth = SmoothFill.harmonic(colors, hole: (0..<area).map { field.isHole[$0] })
    let sums = smooth.boxSums(radius: field.radius)
    let count = Float(field.side * field.side)
    func color(_ planes: Planes, _ i: Int) -> SIMD4<Float> {
      SIMD4(planes.samples[i], planes.samples[area + i], planes.samples[2 * area + i], 0)
    }
    expected = (0..<area).map { color(smooth, $0) }
    means = (0..<area).map { color(sums, $0) / count }
  }

  func cost(target: Int, source: Int) -> Float {
    let difference = means[source] - expected[target]
    let beyond = (difference * difference).sum().squareRoot() - Self.freedom
    return beyond > 0 ? weight * beyond * beyond : 0
  }
}
