/// Says which colours a part of a hole may have: those near the smoothest surface that meets the border. Patches agree
/// with one another wherever they come from; this sees that a bright field does not appear in the middle of dark
/// surroundings.
final class ColorGuidance: Sendable {
  /// Valid as long as the guidance is there. Reading them counts no references, which threads would contend for.
  let costs: Costs

  struct Costs: @unchecked Sendable {
    /// Luma and chroma of the smooth surface, and the means of the patches around each pixel.
    fileprivate let expected, means: UnsafeMutablePointer<SIMD4<Float>>
    fileprivate let weight: Float
    /// Differences up to this cost nothing: a hole may well have an edge in it.
    private static let freedom: Float = 0.15

    @inline(__always)
    func cost(target: Int, source: Int) -> Float {
      let difference = means[source] - expected[target]
      let beyond = (difference * difference).sum().squareRoot() - Self.freedom
      return beyond > 0 ? weight * beyond * beyond : 0
    }
  }

  /// - Parameters:
  ///   - field: a level whose known texels are set.
  ///   - weight: cost of a difference, squared, beyond what is free.
  init(_ field: PatchField, weight: Float) {
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
    costs = Costs(expected: .allocate(capacity: area), means: .allocate(capacity: area), weight: weight)
    for i in 0..<area {
      (costs.expected + i).initialize(to: color(smooth, i))
      (costs.means + i).initialize(to: color(sums, i) / count)
    }
  }

  deinit {
    costs.expected.deallocate()
    costs.means.deallocate()
  }
}
