/// EXIF in which numbers are put in the place of others.
struct EXIFBlock {
  private(set) var bytes: [UInt8]
  /// Where its TIFF header is.
  private let start: Int
  private let isLittle: Bool

  init(_ bytes: [UInt8], tiffAt start: Int) {
    (self.bytes, self.start) = (bytes, start)
    isLittle = start < bytes.count && bytes[start] == UInt8(ascii: "I")
  }

  /// False where it has no orientation, or is damaged.
  mutating func setOrientation(_ orientation: Int) -> Bool {
    guard let entry = entry(0x0112, in: firstDirectory) else { return false }
    return set(orientation, at: entry)
  }

  /// Sets the size of the picture where it is told.
  mutating func setSize(_ width: Int, _ height: Int) {
    let pointer = entry(0x8769, in: firstDirectory)
    let details = pointer.flatMap { number($0 + 8, bytes: 4) }.map { start + $0 }
    for (directory, tags) in [(firstDirectory, (0x0100, 0x0101)), (details, (0xA002, 0xA003))] {
      if let entry = entry(tags.0, in: directory) { _ = set(width, at: entry) }
      if let entry = entry(tags.1, in: directory) { _ = set(height, at: entry) }
    }
  }

  private var firstDirectory: Int? { number(start + 4, bytes: 4).map { start + $0 } }

  /// Where the entry of a tag is in the directory at a place.
  private func entry(_ tag: Int, in directory: Int?) -> Int? {
    guard let directory, let count = number(directory, bytes: 2) else { return nil }
    return (0..<count).lazy.map { directory + 2 + 12 * $0 }.first { number($0, bytes: 2) == tag }
  }

  private mutating func set(_ value: Int, at entry: Int) -> Bool {
    // A single number of 16 or 32 bits stands in the entry itself.
    guard let type = number(entry + 2, bytes: 2), let size = [3: 2, 4: 4][type],
      number(entry + 4, bytes: 4) == 1,
      entry + 12 <= bytes.count, value >> (8 * size) == 0
    else { return false }
    for place in 0..<size {
      bytes[entry + 8 + place] = UInt8(
        truncatingIfNeeded: value >> (8 * (isLittle ? place : size - 1 - place)))
    }
    return true
  }

  private func number(_ place: Int, bytes count: Int) -> Int? {
    guard place >= 0, place + count <= bytes.count else { return nil }
    let digits = bytes[place..<place + count]
    return isLittle
      ? digits.reversed().reduce(0) { $0 << 8 | Int($1) } : digits.reduce(0) { $0 << 8 | Int($1) }
  }
}
