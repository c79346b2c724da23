import RobustRuntime
import Testing

@Suite struct PhiloxTests {
  /// Known answers of Random123 (kat_vectors, philox 4x32, 10 rounds).
  @Test(arguments: [
    (
      SIMD4<UInt32>(repeating: 0), SIMD2<UInt32>(repeating: 0),
      SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
    ),
    (
      SIMD4(repeating: UInt32.max), SIMD2(repeating: UInt32.max),
      SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
    ),
    (
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
      SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
    ),
  ])
  func knownAnswers(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: SIMD4<UInt32>) {
    #expect(Philox.block(counter: counter, key: key) == answer)
  }

  @Test func prefixesAgree() {
    let random = Philox(seed: 7, stream: 3)
    #expect(random.normal(count: 10) == Array(random.normal(count: 1001).prefix(10)))
    #expect(random.uniform(count: 5) == Array(random.uniform(count: 8).prefix(5)))
    #expect(random.uniform(count: 8) != Philox(seed: 7, stream: 4).uniform(count: 8))
    #expect(random.uniform(count: 8) != Philox(seed: 8, stream: 3).uniform(count: 8))
    #expect(random.normal(count: 0).isEmpty)
  }

  @Test func momentsAreRight() {
    let normal = Philox(seed: 1).normal(count: 100_000).map(Double.init)
    let mean = normal.reduce(0, +) / 1e5
    let variance = normal.reduce(0) { $0 + $1 * $1 } / 1e5
    #expect(abs(mean) < 0.01 && abs(variance - 1) < 0.015)
    let uniform = Philox(seed: 1).uniform(count: 100_000)
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    #expect(abs(uniform.reduce(0, +) / 1e5 - 0.5) < 0.005)
  }

  @Test func seedsAreSamplesOfTheirClass() throws {
    let (side, pixels) = try #require(photos.seed(ofClass: 6, seed: 1, stream: 2))
    #expect(side == 32 && pixels.count == 3 * 32 * 32)
    #expect(pixels.allSatisfy { (0...1).contains($0) })
    #expect(pixels == photos.seed(ofClass: 6, seed: 1, stream: 2)!.pixels)
    #expect(pixels != photos.seed(ofClass: 6, seed: 1, stream: 3)!.pixels)
    #expect(photos.seed(ofClass: 45, seed: 1, stream: 2) == nil)
  }
}
