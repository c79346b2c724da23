import Glibc

/// What the chunks of a PNG file say of its colours, which libvips passes over (PNG, third edition, 11.3.2).
struct PNGColour {
  private(set) var codePoints: CodePoints?
  /// The exponent by which values are made of light.
  private var gamma: Double?
  /// x and y of white, red, green, blue.
  private var chromaticities: [Double]?
  private var isSRGB = false

  /// - Parameter bytes: a PNG file; nothing behind its first pixels is looked at.
  init(_ bytes: [UInt8]) {
    for chunk in PNGChunk.all(in: bytes).prefix(while: { $0.type != "IDAT" }) {
      let data = bytes[chunk.data]
      switch (chunk.type, data.count) {
      // PNG holds RGB of full range alone.
      case ("cICP", 4) where data.dropFirst(2).elementsEqual([0, 1]):
        codePoints = CodePoints(
          primaries: Int(data[data.startIndex]), transfer: Int(data[data.startIndex + 1]), matrix: 0)
      case ("gAMA", 4): gamma = Self.numbers(data).first
      case ("cHRM", 32): chromaticities = Self.numbers(data)
      case ("sRGB", _): isSRGB = true
      default: break
      }
    }
  }

  /// How values become light. Nil: they are sRGB, or nothing is said. A profile in the file counts more, and the
  /// code points count more than it.
  var encoding: ColourEncoding? {
    if let codePoints { return codePoints.encoding }
    if isSRGB || gamma == nil && chromaticities == nil { return nil }
    // Writers say 1/2.2 for sRGB, as the specification of the sRGB chunk asks them to.
    let exponent = gamma.flatMap { abs($0 - 1 / 2.2) < 0.005 || !(0.05...5).contains($0) ? nil : 1 / $0 }
    let known = chromaticities.flatMap { Self.areSensible($0) ? $0 : nil }
    if exponent == nil, known == nil { return nil }
    return ColourEncoding(
      chromaticities: known ?? [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06],
      light: exponent.map { exponent in { @Sendable in pow($0, exponent) } } ?? ColourEncoding.sRGBLight)
  }

  /// Values of 32 bits, in hundred thousandths.
  private static func numbers(_ data: ArraySlice<UInt8>) -> [Double] {
    stride(from: data.startIndex, to: data.endIndex - 3, by: 4).map { at in
      Double(data[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) / 100_000
    }
  }

  /// Whether they span a triangle with white in it.
  private static func areSensible(_ xy: [Double]) -> Bool {
    let points = stride(from: 0, to: 8, by: 2).map { (xy[$0], xy[$0 + 1]) }
    guard points.allSatisfy({ $0.0 >= 0 && $0.0 <= 1 && $0.1 > 0.001 && $0.1 <= 1 }) else { return false }
    let (white, corners) = (points[0], points[1...].map { $0 })
    let sides = (0..<3).map { k in
      let (a, b) = (corners[k], corners[(k + 1) % 3])
      return (b.0 - a.0) * (white.1 - a.1) - (b.1 - a.1) * (white.0 - a.0)
    }
    return sides.allSatisfy { $0 > 1e-4 } || sides.allSatisfy { $0 < -1e-4 }
  }
}
