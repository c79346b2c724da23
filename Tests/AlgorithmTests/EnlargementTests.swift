import SuperresAlgorithms
import Testing

/// The ways to a size, and squares with given means.
@Suite struct EnlargementTests {
  @Test(
    arguments: [
      (2.0, [2]), (8, [8]), (1.2, [2]), (2.5, [3]), (9, [3, 3]), (10, [5, 2]), (12, [4, 3]), (13, [7, 2]),
      (16, [4, 4]),
      (17, [6, 3]), (64, [8, 8]),
    ] as [(Double, [Int])])
  func stagesReachTheFactor(_ factor: Double, _ stages: [Int]) throws {
    let size = (width: Int((100 * factor).rounded()), height: Int((80 * factor).rounded()))
    let way = try #require(Enlargement(from: (100, 80), to: size))
    #expect(way.stages == stages && (way.width, way.height) == size)
    #expect(way.isWhole == (factor == Double(stages.reduce(1, *))))
  }

  @Test func whatIsNotLargerIsNoEnlargement() {
    #expect(Enlargement(from: (100, 80), to: (100, 80)) == nil)
    #expect(Enlargement(from: (100, 80), to: (120, 70)) == nil)
    #expect(Enlargement(from: (100, 80), to: (6500, 5200)) == nil)
  }

  @Test(arguments: [Float(0), 0.003, 0.5, 0.97, 1]) func squaresHaveTheirMeanWithinTheRange(_ mean: Float) {
    let values: [Float] = [-0.4, 0.1, 1.3, 0.8, 0.2, 0.6, -0.1, 0.9, 2]
    var plane = values
    BlockMeans(factor: 3).impose([mean], width: 1, height: 1, on: &plane)
    #expect(plane.allSatisfy { (0...1).contains($0) })
    #expect(abs(plane.reduce(0, +) / 9 - mean) < 1e-5)
    if mean == 1 { #expect(plane.allSatisfy { $0 == 1 }) }
    // It keeps their order.
    for (i, a) in values.enumerated() {
      for (j, b) in values.enumerated() where a < b { #expect(plane[i] <= plane[j]) }
    }
  }
}
