/// Random numbers as a function of their place, so that a search does not depend on the order it is run in.
/// The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
struct CounterRandom {
  private let key: UInt64

  init(seed: UInt64, stream: UInt64) {
    key = Self.mix(seed &+ Self.mix(stream &+ 0x9E37_79B9_7F4A_7C15))
  }

  /// A number in 0…2^32-1 for the given counter.
  @inline(__always)
  func bits(_ counter: UInt64) -> UInt64 {
    Self.mix(key &+ counter &* 0x9E37_79B9_7F4A_7C15) &>> 32
  }

  /// An integer in 0..<bound, for bounds below 2^31.
  @inline(__always)
  func below(_ bound: Int, _ counter: UInt64) -> Int {
    Int(truncatingIfNeeded: (bits(counter) &* UInt64(truncatingIfNeeded: bound)) &>> 32)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}
