/// FNV-1a of 64 bits, the same on all machines and at all times. Its high bits are folded into the low ones, since those are
/// what is left of a division.
func stableHash(_ text: String) -> UInt64 {
  let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  return hash ^ hash >> 32
}
