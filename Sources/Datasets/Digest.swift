/// 128 bits of the SHA-256 of a file.
struct Digest: Hashable, Sendable {
  let high: UInt64, low: UInt64

  init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  /// - Parameter hexadecimal: at least 32 digits.
  init?(hexadecimal: String) {
    guard let high = UInt64(hexadecimal.prefix(16), radix: 16),
      let low = UInt64(hexadecimal.dropFirst(16).prefix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  func precedes(_ other: Digest) -> Bool { (high, low) < (other.high, other.low) }
}

/// FNV-1a of 64 bits. (Fowler, Noll, Vo; the algorithm is public.)
struct FNV {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}
