/// A TIFF file with one sample of 64 bits a pixel, as NumPy's arrays of whole numbers are, which libvips does not read: the
/// same file with two samples of 32 bits, and how these make up one.
struct WideTIFF {
  private(set) var halves: [UInt8]
  private let isLittleEndian: Bool
  private let isFloating: Bool

  /// nil: it is none, or one that is not read.
  init?(_ bytes: [UInt8]) {
    guard let tags = FirstTIFFDirectory(bytes), tags.number(258) == 64, tags.number(277) == 1,
      tags.number(317) ?? 1 == 1,
      let bits = tags.place(of: 258), let samples = tags.place(of: 277)
    else { return nil }
    isLittleEndian = bytes[0] == 0x49
    isFloating = tags.number(339) == 3
    halves = bytes
    halves.replaceSubrange(bits.prefix(2), with: tags.encoded(32))
    halves.replaceSubrange(samples.prefix(2), with: tags.encoded(2))
    if let format = tags.place(of: 339) { halves.replaceSubrange(format.prefix(2), with: tags.encoded(1)) }
  }

  /// The samples that pairs of halves make up; negative ones are 0.
  func joined(_ pairs: [UInt32]) -> [Float] {
    stride(from: 0, to: pairs.count - 1, by: 2).map { at in
      let (first, second) = (UInt64(pairs[at]), UInt64(pairs[at + 1]))
      let bits = isLittleEndian ? second << 32 | first : first << 32 | second
      return isFloating ? Float(Double(bitPattern: bits)) : Float(max(Int64(bitPattern: bits), 0))
    }
  }
}
