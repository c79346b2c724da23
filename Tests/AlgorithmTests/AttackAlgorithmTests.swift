import AttackAlgorithms
import Testing

/// The steps of which the search for the smallest change consists.
@Suite struct AttackAlgorithmTests {
  /// Numbers in 0...1 that look random and are the same each time.
  private func numbers(_ seed: UInt64, count: Int) -> [Float] {
    (1...UInt64(count)).map { index in
      var z = seed &+ index &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Float((z ^ (z >> 31)) >> 40) / Float(1 << 24)
    }
  }

  /// The step of least size among those of this form, by bisection of its length.
  private func bisected(_ norm: Norm, _ x: [Float], _ w: [Float], gain: Double) -> [Float] {
    func step(_ length: Double) -> [Float] {
      zip(x, w).map { x, w in
        let way = Float(length) * (norm == .l2 ? w : w > 0 ? 1 : w < 0 ? -1 : 0) * (gain < 0 ? -1 : 1)
        return min(max(x + way, 0), 1) - x
      }
    }
    var (low, high) = (0.0, 100.0)
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if dot(step(middle), w) * (gain < 0 ? -1 : 1) < abs(gain) { low = middle } else { high = middle }
    }
    return step(high)
  }

  /// The largest gain here needs many values to meet the bounds.
  @Test(arguments: Norm.allCases, [0.3, -0.3, 4, -4])
  func aStepOntoAPlaneIsTheShortest(_ norm: Norm, _ gain: Double) {
    for seed in 0..<5 as Range<UInt64> {
      let (x, w) = (numbers(seed, count: 60), numbers(seed + 100, count: 60).map { 2 * $0 - 1 })
      let step = PlaneStep(norm, normal: w).step(from: x, gaining: gain)
      #expect(abs(dot(step, w) - gain) < 1e-4)
      #expect(sum(x, step).allSatisfy { (-1e-6...1 + 1e-6).contains($0) })
      #expect(abs(norm.size(step) - norm.size(bisected(norm, x, w, gain: gain))) < 1e-4)
    }
  }

  @Test func whereNoStepGetsThereTheNearestIsTaken() {
    let step = PlaneStep(.l2, normal: [1, -2, 0]).step(from: [0.5, 0.25, 0.5], gaining: 9)
    #expect(step == [0.5, -0.25, 0])
    #expect(PlaneStep(.linf, normal: [0, 0]).step(from: [0.5, 0.5], gaining: 1) == [0, 0])
  }

  /// x ← A x + b with eigenvalues of A from −0.9 to 0.9 swings; mixed it arrives.
  @Test func mixingTakesOutTheSwing() {
    let factors: [Float] = [-0.9, -0.5, 0.4, 0.9]
    func image(_ x: [Float]) -> [Float] { zip(x, factors).map { $1 * $0 + 1 } }
    let fixed = factors.map { 1 / (1 - $0) }
    var (plain, mixed) = ([Float](repeating: 0, count: 4), [Float](repeating: 0, count: 4))
    var mixing = AndersonMixing()
    for _ in 0..<20 {
      plain = image(plain)
      mixed = mixing.next(after: mixed, image: image(mixed))
    }
    func error(_ x: [Float]) -> Double { Norm.l2.size(sum(x, fixed, share: -1)) }
    #expect(error(mixed) < 0.02 && error(mixed) < error(plain) / 20, "\(error(mixed)) \(error(plain))")
  }
}
