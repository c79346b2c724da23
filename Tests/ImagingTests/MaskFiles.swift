import CVips
import Imaging

/// A disc in a picture, from which the files of masks are made.
enum Disc {
  static let width = 60, height = 48

  static func isInside(_ pixel: Int) -> Bool {
    let (x, y) = (pixel % width - 32, pixel / width - 22)
    return x * x + y * y <= 81
  }

  /// Whether each pixel lies in the disc, as numbers.
  static var ones: [UInt16] { (0..<width * height).map { isInside($0) ? 1 : 0 } }

  /// A picture of one colour in the disc, and one around it.
  static func picture(_ inside: [UInt16], on outside: [UInt16], isWide: Bool = false, isCMYK: Bool = false)
    -> RawImage
  {
    RawImage(
      width: width, height: height, bands: inside.count,
      values: (0..<width * height).flatMap { isInside($0) ? inside : outside }, isWide: isWide, isCMYK: isCMYK
    )
  }
}

/// Levels of 60x40 pixels that fall off from 255 in the middle.
func hill(slope: Int) -> [UInt16] {
  (0..<60 * 40).map { pixel in
    let distance = abs(pixel % 60 - 30) + abs(pixel / 60 - 20)
    return UInt16(max(0, 255 - slope * distance))
  }
}

/// What a mask marks, and what is told of it.
func reading(_ bytes: [UInt8], _ how: MaskReading = MaskReading()) throws -> (plane: [Float], notes: [String])
{
  let (mask, notes) = try how.open(.bytes(bytes, name: "mask"))
  return (try mask.marks().pixels, notes)
}

/// Why a mask is refused.
func refusal(_ bytes: [UInt8], _ how: MaskReading = MaskReading()) -> String? {
  do throws(ImagingError) {
    _ = try how.open(.bytes(bytes, name: "mask"))
    return nil
  } catch {
    return error.kind == .ambiguous ? error.description : nil
  }
}

/// A PNG file of indices of 8 bits into a palette.
func indexedPNG(width: Int, height: Int, palette: [[UInt8]], _ indices: [UInt8]) -> [UInt8] {
  let rows = (0..<height).flatMap { [0] + indices[$0 * width..<($0 + 1) * width] }
  let size = UInt16(rows.count)
  let block: [UInt8] = [0x78, 0x01, 0x01] + littleEndian(size) + littleEndian(~size) + rows
  var (a, b) = (UInt32(1), UInt32(0))
  for value in rows {
    a = (a + UInt32(value)) % 65521
    b = (b + a) % 65521
  }
  func big(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
  return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    + pngChunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [8, 3, 0, 0, 0])
    + pngChunk("PLTE", palette.flatMap(\.self)) + pngChunk("IDAT", block + big(b << 16 | a))
    + pngChunk("IEND", [])
}

/// A TIFF file of one strip that is not compressed.
/// - Parameter tags: beside those of the size and the strip; numbers of 16 bits, or texts.
func tiff(
  width: Int, height: Int, _ pixels: [UInt8], tags: [(UInt16, [UInt16])], texts: [(UInt16, String)] = []
)
  -> [UInt8]
{
  var entries: [(tag: UInt16, type: UInt16, count: Int, bytes: [UInt8])] =
    tags.map { ($0, 3, $1.count, $1.flatMap(littleEndian)) }
    + texts.map { ($0, 2, $1.utf8.count + 1, $1.utf8 + [0]) }
  entries += [
    (256, 3, 1, littleEndian(UInt16(width))), (257, 3, 1, littleEndian(UInt16(height))),
    (259, 3, 1, [1, 0]), (273, 4, 1, [8, 0, 0, 0]), (278, 3, 1, littleEndian(UInt16(height))),
    (279, 4, 1, littleEndian(UInt32(pixels.count))),
  ]
  entries.sort { $0.tag < $1.tag }
  let directory = 8 + pixels.count + pixels.count % 2
  var file: [UInt8] = Array("II*\0".utf8) + littleEndian(UInt32(directory)) + pixels
  file += [UInt8](repeating: 0, count: directory - file.count)
  var extra: [UInt8] = []
  let end = directory + 2 + 12 * entries.count + 4
  file += littleEndian(UInt16(entries.count))
  for entry in entries {
    file += littleEndian(entry.tag) + littleEndian(entry.type) + littleEndian(UInt32(entry.count))
    if entry.bytes.count <= 4 {
      file += entry.bytes + [UInt8](repeating: 0, count: 4 - entry.bytes.count)
    } else {
      file += littleEndian(UInt32(end + extra.count))
      extra += entry.bytes + (entry.bytes.count % 2 == 1 ? [0] : [])
    }
  }
  return file + [0, 0, 0, 0] + extra
}

/// A Windows bitmap that is not compressed.
/// - Parameter rows: from the top, as the file stores them, without what fills them up to four bytes.
func bitmap(
  width: Int, height: Int, bits: UInt16, palette: [[UInt8]] = [], masks: [UInt32] = [],
  isTopDown: Bool = false,
  _ rows: [[UInt8]]
) -> [UInt8] {
  let lines = rows.map { $0 + [UInt8](repeating: 0, count: (4 - $0.count % 4) % 4) }
  let size = masks.isEmpty ? 40 : 56
  let table = palette.flatMap { entry -> [UInt8] in entry.reversed() + [0] }
  let start = 14 + size + table.count
  let pixels = (isTopDown ? lines : lines.reversed()).flatMap(\.self)
  let header: [UInt32] = [
    UInt32(size), UInt32(width), UInt32(bitPattern: Int32(isTopDown ? -height : height)),
    1 | UInt32(bits) << 16,
    masks.isEmpty ? 0 : 3, 0, 0, 0, UInt32(palette.count), 0,
  ]
  var file = Array("BM".utf8) + littleEndian(UInt32(start + pixels.count)) + [0, 0, 0, 0]
  file += littleEndian(UInt32(start))
  for number in header + masks { file += littleEndian(number) }
  return file + table + pixels
}

func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
