import Glibc

/// Philox4x32-10: random numbers from a counter, so that any element of any stream can be had without those
/// before it. (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.)
///
/// The key is the seed; the upper half of the counter is the stream, the lower half counts blocks of four
/// words.
public struct Philox: Sendable {
  private let seed, stream: UInt64

  public init(seed: UInt64, stream: UInt64 = 0) { (self.seed, self.stream) = (seed, stream) }

  /// Ten rounds on one counter.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c, k) = (counter, key)
    for _ in 0..<10 {
      let a = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c.x)
      let b = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c.z)
      c = SIMD4(b.high ^ c.y ^ k.x, b.low, a.high ^ c.w ^ k.y, a.low)
      k &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return c
  }

  /// Words 4·index ..< 4·index + 4 of the stream.
  public func words(_ index: UInt64) -> SIMD4<UInt32> {
    Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }

  /// The first numbers of the stream, uniform in [0, 1), multiples of 2⁻²⁴.
  public func uniform(count: Int) -> [Float] {
    fill(count) { Float($0 >> 8) * 0x1p-24 }
  }

  /// The first numbers of the stream, normal with mean 0 and deviation 1 (Box and Muller, 1958).
  public func normal(count: Int) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    for block in 0..<(count + 3) / 4 {
      let w = words(UInt64(block))
      for pair in 0..<2 {
        // The radius takes a number in (0, 1], whose logarithm is finite.
        let radius = (-2 * log((Double(w[2 * pair]) + 1) * 0x1p-32)).squareRoot()
        let angle = 2 * Double.pi * Double(w[2 * pair + 1]) * 0x1p-32
        let at = 4 * block + 2 * pair
        if at < count { values[at] = Float(radius * cos(angle)) }
        if at + 1 < count { values[at + 1] = Float(radius * sin(angle)) }
      }
    }
    return values
  }

  private func fill(_ count: Int, _ value: (UInt32) -> Float) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    for block in 0..<(count + 3) / 4 {
      let w = words(UInt64(block))
      for lane in 0..<min(4, count - 4 * block) { values[4 * block + lane] = value(w[lane]) }
    }
    return values
  }
}
