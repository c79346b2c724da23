/// A chunk of a PNG file, by where its data are.
struct PNGChunk {
  let type: String
  let data: Range<Int>

  /// With length, type and checksum.
  var whole: Range<Int> { data.lowerBound - 8..<data.upperBound + 4 }

  /// All of a file, as far as they are whole.
  static func all(in file: some ByteCollection) -> [PNGChunk] {
    var found: [PNGChunk] = []
    var at = 8
    while let size = file.number(at: at, size: 4, bigEndian: true), let type = file.part(at + 4, 4),
      size <= file.count - at - 12
    {
      found.append(PNGChunk(type: String(decoding: type, as: UTF8.self), data: at + 8..<at + 8 + size))
      at += 12 + size
    }
    return found
  }

  static func bytes(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return numberBytes(of: data.count, size: 4, bigEndian: true) + body
      + numberBytes(of: Int(crc32(body)), size: 4, bigEndian: true)
  }
}

/// The checksum of PNG chunks (ISO 3309).
private func crc32(_ bytes: [UInt8]) -> UInt32 {
  var crc = ~UInt32(0)
  for byte in bytes { crc = crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
  return ~crc
}

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
}
