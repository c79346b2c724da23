/// The pixels of a Windows bitmap that is not compressed, of 1, 4, 8, 16, 24 or 32 bits.
struct BMPFile {
  /// The pixels: 1 channel where the palette has greys alone, else 3, or 4 where there is alpha.
  let bitmap: Bitmap

  /// Throws `damaged`, `unsupported` or `tooLarge`.
  init(_ bytes: [UInt8], name: String, _ limits: Limits) throws(ImagingError) {
    guard let header = BMPHeader(bytes) else {
      throw ImagingError.damaged(name, .bmp, "its header says what cannot be")
    }
    try limits.check(width: header.width, height: header.height, name: name)
    guard [1, 4, 8, 16, 24, 32].contains(header.bits), [0, 3, 6].contains(header.compression) else {
      throw ImagingError(
        .unsupported, name, "this BMP file is compressed or of an unusual kind; save it as PNG")
    }
    let stride = (header.bits * header.width + 31) / 32 * 4
    guard header.height <= (bytes.count - header.pixels) / stride else {
      throw ImagingError.damaged(name, .bmp, "it ends before its last row")
    }
    let rows = (0..<header.height).map {
      header.pixels + stride * (header.isTopDown ? $0 : header.height - 1 - $0)
    }
    let channels: Int
    let pixels: [UInt8]
    if header.bits <= 8 {
      let palette = header.palette(bytes)
      let isGrey = palette.allSatisfy { $0[0] == $0[1] && $0[1] == $0[2] }
      channels = isGrey ? 1 : 3
      pixels = Self.indexed(bytes, rows, header, palette.map { Array($0.prefix(isGrey ? 1 : 3)) })
    } else {
      let masks = header.masks(bytes)
      let colours = Self.packed(bytes, rows, header, masks)
      // Many programs leave the fourth byte 0 and mean nothing by it.
      let hasAlpha = stride4(colours).contains { $0 != 0 }
      channels = hasAlpha ? 4 : 3
      pixels = hasAlpha ? colours : colours.indices.filter { $0 % 4 != 3 }.map { colours[$0] }
    }
    bitmap = Bitmap(width: header.width, height: header.height, channels: channels, bytes: pixels)
  }

  private static func indexed(_ bytes: [UInt8], _ rows: [Int], _ header: BMPHeader, _ palette: [[UInt8]])
    -> [UInt8]
  {
    let black = [UInt8](repeating: 0, count: palette.first?.count ?? 1)
    let perByte = 8 / header.bits
    var pixels: [UInt8] = []
    pixels.reserveCapacity(header.width * header.height * black.count)
    for row in rows {
      for x in 0..<header.width {
        let shift = 8 - header.bits * (x % perByte + 1)
        let index = Int(bytes[row + x / perByte]) >> shift & (1 << header.bits - 1)
        pixels += index < palette.count ? palette[index] : black
      }
    }
    return pixels
  }

  /// Red, green, blue and alpha, which is 0 where there is none.
  private static func packed(_ bytes: [UInt8], _ rows: [Int], _ header: BMPHeader, _ masks: [Int]) -> [UInt8]
  {
    let count = header.bits / 8
    let parts = masks.map { mask in
      let shift = mask == 0 ? 0 : mask.trailingZeroBitCount
      return (mask: mask, shift: shift, largest: mask >> shift)
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(header.width * header.height * 4)
    for row in rows {
      for x in 0..<header.width {
        let at = row + x * count
        let value = (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        for part in parts {
          pixels.append(part.mask == 0 ? 0 : UInt8((value & part.mask) >> part.shift * 255 / part.largest))
        }
      }
    }
    return pixels
  }
}

private func stride4(_ values: [UInt8]) -> LazyMapSequence<StrideTo<Int>, UInt8> {
  stride(from: 3, to: values.count, by: 4).lazy.map { values[$0] }
}

/// The header of a Windows bitmap, and where its parts lie.
struct BMPHeader {
  let width, height, bits, compression: Int
  let isTopDown: Bool
  /// Where the pixels begin.
  let pixels: Int
  /// Where the palette lies, and the bytes of an entry: blue, green, red and perhaps one more.
  let palette: Range<Int>
  let entrySize: Int
  private let size: Int

  /// nil: it says what cannot be.
  init?(_ bytes: [UInt8]) {
    func number(_ at: Int, _ count: Int) -> Int? {
      guard at + count <= bytes.count else { return nil }
      return (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
    guard Self.isBMP(bytes), let start = number(10, 4), let size = number(14, 4) else { return nil }
    self.size = size
    if size == 12 {
      guard let width = number(18, 2), let height = number(20, 2), let bits = number(24, 2) else {
        return nil
      }
      (self.width, self.height, self.bits) = (width, height, bits)
      (compression, isTopDown, entrySize) = (0, false, 3)
    } else {
      guard let width = number(18, 4), let height = number(22, 4), let bits = number(28, 2),
        let compression = number(30, 4), number(50, 4) != nil, 14 + size <= bytes.count
      else { return nil }
      let signed = Int(Int32(truncatingIfNeeded: height))
      (self.width, self.height, self.bits) = (width, abs(signed), bits)
      (self.compression, isTopDown, entrySize) = (compression, signed < 0, 4)
    }
    guard (1...Int(Int32.max)).contains(width), (1...Int(Int32.max)).contains(height) else { return nil }
    pixels = start
    let used = size == 12 ? 0 : number(46, 4) ?? 0
    let entries = bits > 8 ? 0 : used == 0 ? 1 << bits : min(used, 1 << bits)
    let first = 14 + size
    palette = first..<first + entries * entrySize
    guard start >= first, palette.upperBound <= bytes.count else { return nil }
  }

  /// Whether a file begins as such a bitmap does.
  static func isBMP(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
    let head = Array(bytes.prefix(18))
    return head.count == 18 && head.starts(with: [0x42, 0x4D])
      && [12, 40, 52, 56, 64, 108, 124].contains(head[14])
      && head[15...].allSatisfy { $0 == 0 }
  }

  /// Red, green and blue of each entry.
  func palette(_ bytes: [UInt8]) -> [[UInt8]] {
    stride(from: palette.lowerBound, to: palette.upperBound, by: entrySize).map {
      Array(bytes[$0..<$0 + 3].reversed())
    }
  }

  /// Which bits of a pixel are red, green, blue and alpha.
  func masks(_ bytes: [UInt8]) -> [Int] {
    if bits == 24 || compression == 0 {
      return bits == 16 ? [0x7C00, 0x3E0, 0x1F, 0] : [0xFF0000, 0xFF00, 0xFF, 0]
    }
    return (0..<4).map { part in
      let at = 54 + 4 * part
      guard part < 3 || size >= 56 || compression == 6, at + 4 <= bytes.count else { return 0 }
      return (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
  }
}
