// XMP in a GIF file is an application extension: the packet as it is, then bytes 1, FF, FE, ... 0, 0 that
// lead a reader that takes the packet for data blocks to their end (XMP specification, part 3, 1.1.2).

private let header: [UInt8] = [0x21, 0xFF, 0x0B] + "XMP DataXMP".utf8
private let trailer: [UInt8] = [0x01] + (0...255).reversed() + [0x00]

/// The XMP packet of a GIF file, or nil.
func xmpPacket(inGIF bytes: [UInt8]) -> [UInt8]? {
  var at = afterColourTable(bytes, flagsAt: 10, next: 13)
  while at + 1 < bytes.count {
    switch bytes[at] {
    case 0x21:
      if bytes[at...].starts(with: header) {
        let start = at + header.count
        guard let end = endOfPacket(bytes, from: start) else { return nil }
        return Array(bytes[start..<end])
      }
      at = afterBlocks(bytes, at + 2)
    case 0x2C:
      // The descriptor, its colour table, the code size, the data.
      at = afterBlocks(bytes, afterColourTable(bytes, flagsAt: at + 9, next: at + 10) + 1)
    default: return nil
    }
  }
  return nil
}

/// An XMP packet as such an extension.
func gifXMP(_ packet: [UInt8]) -> [UInt8] { header + packet + trailer }

/// A comment as an extension of its own: blocks of up to 255 bytes.
func gifComment(_ comment: [UInt8]) -> [UInt8] {
  var bytes: [UInt8] = [0x21, 0xFE]
  for start in stride(from: 0, to: comment.count, by: 255) {
    let block = comment[start..<min(start + 255, comment.count)]
    bytes += [UInt8(block.count)] + block
  }
  return bytes + [0]
}

private func endOfPacket(_ bytes: [UInt8], from start: Int) -> Int? {
  var at = start
  while let one = bytes[at...].firstIndex(of: trailer[0]) {
    if bytes[one...].starts(with: trailer) { return one }
    at = one + 1
  }
  return nil
}

/// Where what follows a colour table begins, which there is if the flags say so.
func afterColourTable(_ bytes: [UInt8], flagsAt: Int, next: Int) -> Int {
  guard flagsAt < bytes.count, bytes[flagsAt] & 0x80 != 0 else { return next }
  return next + (3 << (Int(bytes[flagsAt] & 7) + 1))
}

/// Where what follows a chain of data blocks begins.
func afterBlocks(_ bytes: [UInt8], _ start: Int) -> Int {
  var at = start
  while at < bytes.count, bytes[at] != 0 { at += Int(bytes[at]) + 1 }
  return at + 1
}
