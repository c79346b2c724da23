/// A chunk of a WebP file, by where its data are.
struct RIFFChunk {
  let type: String
  let data: Range<Int>

  /// With its head, and the zero that makes its size even.
  var whole: Range<Int> { data.lowerBound - 8..<data.upperBound + data.count % 2 }

  /// All of a file, as far as they are whole; the zero after the last may be missing.
  static func all(in file: some ByteCollection) -> [RIFFChunk] {
    var found: [RIFFChunk] = []
    var at = 12
    while let size = file.number(at: at + 4, size: 4, bigEndian: false), let type = file.part(at, 4),
      size <= file.count - at - 8
    {
      found.append(RIFFChunk(type: String(decoding: type, as: UTF8.self), data: at + 8..<at + 8 + size))
      at += 8 + size + size % 2
    }
    return found
  }

  static func bytes(_ type: String, _ data: [UInt8]) -> [UInt8] {
    Array(type.utf8) + numberBytes(of: data.count, size: 4, bigEndian: false) + data
      + (data.count % 2 == 0 ? [] : [0])
  }
}
