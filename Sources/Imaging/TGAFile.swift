/// The pixels of a Truevision TGA file: indexed, true colours or grey, as they are or as runs.
struct TGAFile {
  let bitmap: Bitmap

  /// Throws `damaged`, `unsupported` or `tooLarge`.
  init(_ bytes: [UInt8], name: String, _ limits: Limits) throws(ImagingError) {
    func damaged(_ why: String) -> ImagingError { .damaged(name, .tga, why) }
    guard let header = TGAHeader(bytes) else { throw damaged("its header says what cannot be") }
    try limits.check(width: header.width, height: header.height, name: name)
    let size = (header.depth + 7) / 8
    guard header.pixels <= bytes.count,
      let pixels = header.isPacked
        ? Self.unpacked(bytes, from: header.pixels, size: size, count: header.width * header.height)
        : bytes.part(header.pixels, header.width * header.height * size)
    else { throw damaged("it ends before its last row") }
    let kind = header.isIndexed ? header.entryBits : header.depth
    let entries = header.isIndexed ? Array(bytes[header.palette]) : []
    let entrySize = (header.entryBits + 7) / 8
    let alpha = TGAAlpha(bytes, header)
    var channels = header.isGrey ? header.depth / 8 : 4
    var out: [UInt8] = []
    out.reserveCapacity(header.width * header.height * channels)
    for y in 0..<header.height {
      let row = header.isTopDown ? y : header.height - 1 - y
      for x in 0..<header.width {
        var at = (row * header.width + (header.isMirrored ? header.width - 1 - x : x)) * size
        if header.isGrey {
          out += pixels[at..<at + size]
        } else if header.isIndexed {
          let index = size == 1 ? Int(pixels[at]) : Int(pixels[at]) | Int(pixels[at + 1]) << 8
          at = (index - header.firstEntry) * entrySize
          guard at >= 0, at + entrySize <= entries.count else { throw damaged("a pixel has no colour") }
          Self.append(entries, at, bits: kind, to: &out)
        } else {
          Self.append(pixels, at, bits: kind, to: &out)
        }
      }
    }
    let last = channels - 1
    let isSeen = stride(from: last, to: out.count, by: channels).contains { out[$0] != 0 }
    if channels == 2 || channels == 4 {
      if alpha == .none || !isSeen {
        out = out.indices.filter { $0 % channels != last }.map { out[$0] }
        channels -= 1
      } else if alpha == .multiplied {
        Self.divide(&out, channels)
      }
    }
    bitmap = Bitmap(width: header.width, height: header.height, channels: channels, bytes: out)
  }

  /// Appends red, green, blue and alpha of a colour that is stored from its lowest bits on as blue, green, red, alpha.
  private static func append(_ bytes: [UInt8], _ at: Int, bits: Int, to out: inout [UInt8]) {
    if bits > 16 {
      out.append(bytes[at + 2])
      out.append(bytes[at + 1])
      out.append(bytes[at])
      out.append(bits == 32 ? bytes[at + 3] : 255)
    } else {
      let value = Int(bytes[at]) | Int(bytes[at + 1]) << 8
      for shift in [10, 5, 0] { out.append(UInt8((value >> shift & 31) * 255 / 31)) }
      out.append(bits == 16 ? UInt8(value >> 15 * 255) : 255)
    }
  }

  /// The pixels of runs: a byte with the number of pixels less one, its highest bit set where one stands for all.
  private static func unpacked(_ bytes: [UInt8], from start: Int, size: Int, count: Int) -> [UInt8]? {
    let total = count * size
    // A run has at most 128 pixels: a file that is too short for its picture takes no memory for it.
    guard total / 128 <= bytes.count - start else { return nil }
    var out: [UInt8] = []
    out.reserveCapacity(total)
    var at = start
    while out.count < total {
      guard at < bytes.count else { return nil }
      let length = Int(bytes[at] & 127) + 1
      let isRun = bytes[at] > 127
      guard let part = bytes.part(at + 1, isRun ? size : length * size) else { return nil }
      if isRun { for _ in 0..<length { out += part } } else { out += part }
      at += 1 + part.count
    }
    out.removeLast(out.count - total)
    return out
  }

  /// Colours that were multiplied by alpha become what they were.
  private static func divide(_ values: inout [UInt8], _ channels: Int) {
    for pixel in stride(from: 0, to: values.count, by: channels) {
      let alpha = Int(values[pixel + channels - 1])
      if alpha == 0 { continue }
      for at in pixel..<pixel + channels - 1 {
        values[at] = UInt8(min((Int(values[at]) * 255 + alpha / 2) / alpha, 255))
      }
    }
  }
}

/// What the highest bits of a pixel are.
private enum TGAAlpha {
  case none, transparency, multiplied

  /// As the extension of version 2 says, else by the number of bits in the header.
  init(_ bytes: [UInt8], _ header: TGAHeader) {
    let footer = bytes.count - 26
    if bytes.has("TRUEVISION-XFILE.", at: footer + 8),
      let extensions = bytes.number(at: footer, size: 4, bigEndian: false), extensions > 0,
      let kind = bytes.number(at: extensions + 494, size: 1, bigEndian: false)
    {
      self = kind == 3 ? .transparency : kind == 4 ? .multiplied : .none
    } else {
      self = header.alphaBits > 0 || header.isGrey && header.depth == 16 ? .transparency : .none
    }
  }
}

/// The header of a TGA file, and where its parts lie.
struct TGAHeader {
  let width, height: Int
  /// Bits of a pixel, and of an entry of the palette.
  let depth, entryBits: Int
  let isIndexed, isGrey, isPacked: Bool
  let isTopDown, isMirrored: Bool
  let alphaBits: Int
  /// The index of the palette's first entry.
  let firstEntry: Int
  let palette: Range<Int>
  /// Where the pixels begin.
  var pixels: Int { palette.upperBound }

  /// - Parameter bytes: a file or its beginning.
  /// nil: it says what cannot be. There is no signature: whatever may be something else is refused.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 18, bytes[1] < 2, [1, 2, 3, 9, 10, 11].contains(bytes[2]) else { return nil }
    func number(_ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }
    (width, height, depth) = (number(12), number(14), Int(bytes[16]))
    isIndexed = bytes[2] & 7 == 1
    isGrey = bytes[2] & 7 == 3
    isPacked = bytes[2] > 8
    let flags = bytes[17]
    (isMirrored, isTopDown, alphaBits) = (flags & 0x10 != 0, flags & 0x20 != 0, Int(flags & 15))
    guard width > 0, height > 0, flags < 0x40, alphaBits <= 8,
      (isIndexed || isGrey ? [8, 16] : [15, 16, 24, 32]).contains(depth)
    else { return nil }
    let hasPalette = bytes[1] == 1
    let entries = number(5)
    (firstEntry, entryBits) = (number(3), Int(bytes[7]))
    if hasPalette {
      guard entries > 0, [15, 16, 24, 32].contains(entryBits) else { return nil }
    } else if isIndexed || entries > 0 || firstEntry > 0 {
      return nil
    }
    let first = 18 + Int(bytes[0])
    palette = first..<first + (hasPalette ? entries * ((entryBits + 7) / 8) : 0)
  }
}
