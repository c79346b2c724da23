// libvips 8.14 writes XMP into PNG as compressed text, where few programs look for it: the XMP
// specification (part 3, 1.1.5) wants a chunk iTXt that is not compressed.

/// The same file with an XMP packet after its header.
func withXMP(_ packet: [UInt8], inPNG file: EncodedImage) -> EncodedImage {
  let body = Array("iTXtXML:com.adobe.xmp".utf8) + [0, 0, 0, 0, 0] + packet
  let chunk = bigEndian(UInt32(body.count - 4)) + body + bigEndian(crc32(body))
  // The signature and IHDR, which always come first and have fixed lengths.
  return file.inserting(chunk, at: 8 + 25)
}

func bigEndian(_ value: UInt32) -> [UInt8] {
  [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
}

/// The checksum of PNG chunks (ISO 3309).
func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
  var crc = ~UInt32(0)
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
  }
  return ~crc
}
