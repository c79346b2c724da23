import Imaging
import Testing

/// Masks that are inverted, grown and feathered, held against the plainest way to say the same.
@Suite struct MaskEditTests {
  /// Spots, a grey one among them, one at the border.
  private static let spots: FloatImage = {
    var mask = FloatImage(width: 37, height: 23, channels: 1)
    for (x, y, value) in [(5, 5, 1), (6, 5, 1), (20, 10, 0.4), (21, 12, 1), (36, 22, 0.7), (0, 17, 1)]
      as [(
        Int, Int, Float
      )]
    {
      mask[x, y, 0] = value
    }
    for y in 3..<20 { for x in 24..<33 { mask[x, y, 0] = x == 24 ? 0.5 : 1 } }
    return mask
  }()

  private static let column = FloatImage(
    width: 1, height: 9, channels: 1, pixels: [0, 0, 1, 1, 1, 1, 1, 0, 0])
  private static let row = FloatImage(width: 9, height: 1, channels: 1, pixels: [1, 1, 1, 1, 1, 0, 0, 0, 1])
  private static let white = FloatImage(width: 8, height: 6, channels: 1, filledWith: 1)

  private static let masks = [spots, column, row, white, FloatImage(width: 8, height: 6, channels: 1)]

  /// What `choose` makes of the values within a distance of each pixel.
  private func within(_ radius: Int, of mask: FloatImage, _ choose: (Float, Float) -> Float) -> FloatImage {
    var result = mask
    for y in 0..<mask.height {
      for x in 0..<mask.width {
        for v in 0..<mask.height {
          for u in 0..<mask.width where (u - x) * (u - x) + (v - y) * (v - y) <= radius * radius {
            result[x, y, 0] = choose(result[x, y, 0], mask[u, v, 0])
          }
        }
      }
    }
    return result
  }

  @Test(arguments: masks, [1, 2, 5, 11, 17, 60])
  func growingIsDilationByADisc(_ mask: FloatImage, _ radius: Int) {
    #expect(MaskEdit(grow: radius).applied(to: mask) == within(radius, of: mask, max))
  }

  @Test(arguments: masks, [1, 2, 5, 60])
  func shrinkingIsErosionByADisc(_ mask: FloatImage, _ radius: Int) {
    let shrunk = MaskEdit(grow: -radius).applied(to: mask)
    let expected = within(radius, of: mask, min)
    #expect(zip(shrunk.pixels, expected.pixels).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test(arguments: masks, [1, 3, 8])
  func featheringIsASmoothStepOfTheDistanceToBlack(_ mask: FloatImage, _ length: Int) {
    let feathered = MaskEdit(feather: length).applied(to: mask)
    for y in 0..<mask.height {
      for x in 0..<mask.width {
        var nearest = Float.infinity
        for v in 0..<mask.height {
          for u in 0..<mask.width where mask[u, v, 0] == 0 {
            nearest = min(nearest, Float((u - x) * (u - x) + (v - y) * (v - y)).squareRoot())
          }
        }
        let way = min(nearest / Float(length + 1), 1)
        #expect(abs(feathered[x, y, 0] - mask[x, y, 0] * way * way * (3 - 2 * way)) < 1e-6)
        #expect((feathered[x, y, 0] > 0) == (mask[x, y, 0] > 0))
      }
    }
  }

  @Test func invertingComesFirstAndFeatheringLast() {
    let mask = Self.spots
    let inverted = FloatImage(width: 37, height: 23, channels: 1, pixels: mask.pixels.map { 1 - $0 })
    #expect(MaskEdit(isInverted: true).applied(to: mask) == inverted)
    #expect(
      MaskEdit(isInverted: true, grow: 2, feather: 3).applied(to: mask)
        == MaskEdit(feather: 3).applied(to: MaskEdit(grow: 2).applied(to: inverted)))
    #expect(MaskEdit().applied(to: mask) == mask)
  }
}
