extension Metadata {
  /// Puts the metadata into an encoded file in place of any that the encoder wrote. It has been made to fit.
  /// Throws `unsupported`, then nothing has changed, for a file that is not understood; `failed` without memory.
  func write(into file: EncodedImage) throws(ImagingError) {
    switch file.format {
    case .jpeg: try writeJPEG(file)
    case .png: try writePNG(file)
    case .webp: try writeWebP(file)
    case .tiff: try writeTIFF(file)
    case .avif, .heic: try writeHEIF(file)
    case .gif: try writeGIF(file)
    case .jxl: try writeJXL(file)
    case .ppm, .jp2, .bmp, .tga, .psd, .raw: break
    }
  }

  private func writeJPEG(_ file: EncodedImage) throws(ImagingError) {
    let (written, end) = file.withUnsafeBytes { JPEGSegment.leading($0) }
    var new: [JPEGSegment] = []
    // Files whose segments say how their colours are coded have no JFIF.
    let isTold = density == nil || density == exif?.contents.flatMap(Density.init)
    if jfif != nil || exif == nil || !isTold, !written.contains(where: { $0.marker == 0xEE }) {
      let payload = Array("JFIF\0".utf8) + [1, 1] + (jfif ?? Density.jfif(density)) + [0, 0]
      new.append(JPEGSegment(marker: 0xE0, payload: payload))
    }
    if let exif { new.append(JPEGSegment(marker: 0xE1, payload: Array("Exif\0\0".utf8) + exif.bytes)) }
    if let xmp { new += xmpSegments(xmp) }
    // The profile, and how the pixels are coded.
    new += written.filter { $0.marker == 0xEE || $0.marker == 0xE2 && $0.payload.has("ICC_PROFILE", at: 0) }
    let block = photoshopBlock
    let room = JPEGSegment.room - PhotoshopResource.signature.count
    for start in stride(from: 0, to: block.count, by: room) {
      let part = block[start..<min(start + room, block.count)]
      new.append(JPEGSegment(marker: 0xED, payload: PhotoshopResource.signature + part))
    }
    new += segments
    for comment in comments {
      // A longer one goes on in the next.
      for start in stride(from: 0, to: max(comment.count, 1), by: JPEGSegment.room) {
        let part = comment[start..<min(start + JPEGSegment.room, comment.count)]
        new.append(JPEGSegment(marker: JPEGSegment.comment, payload: Array(part)))
      }
    }
    try file.replace(2..<end, with: new.flatMap(\.bytes))
  }

  private var photoshopBlock: [UInt8] {
    (resources + (iptc.map { [PhotoshopResource.iptc($0)] } ?? [])).flatMap(\.whole)
  }

  private func writePNG(_ file: EncodedImage) throws(ImagingError) {
    let (start, end, kept) = file.withUnsafeBytes { bytes in
      let chunks = PNGChunk.all(in: bytes)
      let head = chunks.prefix { $0.type != "IDAT" }
      let kept = head.dropFirst().filter {
        !["eXIf", "pHYs", "tIME"].contains($0.type) && !PNGText.types.contains($0.type)
      }
      return (
        head.first?.whole.upperBound ?? 0, head.last?.whole.upperBound ?? 0, kept.flatMap { bytes[$0.whole] }
      )
    }
    guard start > 0 else { throw notUnderstood(file) }
    var new: [UInt8] = []
    // libvips 8.14 writes XMP as compressed text, where few programs look for it: the XMP specification
    // (part 3, 1.1.5) wants a chunk that is not compressed.
    if let xmp {
      new += PNGChunk.bytes("iTXt", Array(PNGText.xmpKeyword.utf8) + [0, 0, 0, 0, 0] + xmp)
    }
    if let exif { new += PNGChunk.bytes("eXIf", exif.bytes) }
    if let density { new += PNGChunk.bytes("pHYs", density.pHYs) }
    if let time { new += PNGChunk.bytes("tIME", time) }
    var texts = texts
    let block = photoshopBlock
    if !block.isEmpty { texts.append(PNGText(profile: iptc == nil ? "8bim" : "iptc", block)) }
    for text in texts { new += PNGChunk.bytes(text.type, text.data) }
    try file.replace(start..<end, with: new + kept)
  }

  private func writeWebP(_ file: EncodedImage) throws(ImagingError) {
    let chunks = file.withUnsafeBytes { RIFFChunk.all(in: $0) }
    let exif = exif ?? exifOfDensity
    guard let first = chunks.first else { throw notUnderstood(file) }
    var header: [UInt8] = []
    if first.type != "VP8X", exif != nil || xmp != nil {
      guard let made = file.withUnsafeBytes({ extendedHeader($0, first) }) else { throw notUnderstood(file) }
      header = made
    }
    for chunk in chunks.reversed() where ["EXIF", "XMP "].contains(chunk.type) {
      try file.replace(chunk.whole.lowerBound..<min(chunk.whole.upperBound, file.count), with: [])
    }
    if file.count % 2 == 1 { try file.replace(file.count..<file.count, with: [0]) }
    try file.replace(12..<12, with: header)
    var new: [UInt8] = []
    if let exif { new += RIFFChunk.bytes("EXIF", exif.bytes) }
    if let xmp { new += RIFFChunk.bytes("XMP ", xmp) }
    try file.replace(file.count..<file.count, with: new)
    file.withMutableBytes { bytes in
      bytes[4..<8].copyBytes(from: numberBytes(of: bytes.count - 8, size: 4, bigEndian: false))
      if first.type == "VP8X" || exif != nil || xmp != nil {
        bytes[20] = bytes[20] & ~0x0C | (exif == nil ? 0 : 0x08) | (xmp == nil ? 0 : 0x04)
      }
    }
  }

  /// An EXIF block that says the density alone, for formats that have no other place for it.
  var exifOfDensity: EXIFBlock? {
    density.flatMap { density in
      EXIFBlock(
        EXIFContents(isBigEndian: false, main: density.entries(bigEndian: false)).block().bytes)
    }
  }

  private func writeHEIF(_ file: EncodedImage) throws(ImagingError) {
    // libvips always writes a block; what is to replace it when there is none says what holds anyway.
    let upright = TIFFEntry(TIFFTag.orientation, shorts: [1], bigEndian: false)
    let block =
      (exif ?? exifOfDensity)?.bytes ?? EXIFContents(isBigEndian: false, main: [upright]).block().bytes
    let item = numberBytes(of: 6, size: 4, bigEndian: true) + Array("Exif\0\0".utf8) + block
    guard let location = file.withUnsafeBytes({ HEIFItemLocation(of: "Exif", in: $0) }) else {
      if exif == nil { return }
      throw notUnderstood(file)
    }
    let box = numberBytes(of: item.count + 8, size: 4, bigEndian: true) + Array("mdat".utf8)
    let place = file.count + box.count
    try file.replace(file.count..<file.count, with: box + item)
    guard file.withMutableBytes({ location.set(place, item.count, in: $0) }) else {
      throw notUnderstood(file)
    }
  }

  private func writeGIF(_ file: EncodedImage) throws(ImagingError) {
    var new: [UInt8] = []
    for comment in comments { new += gifComment(comment) }
    if let xmp { new += gifXMP(xmp) }
    // Before its end mark, which is the last byte.
    try file.replace(file.count - 1..<file.count - 1, with: new)
  }

  func notUnderstood(_ file: EncodedImage) -> ImagingError {
    ImagingError(
      .unsupported,
      "The metadata cannot be put into the \(file.format.title) file that was encoded: left out.")
  }
}

/// The first chunk of a WebP file that has metadata: flags, and the size of its picture.
private func extendedHeader(_ bytes: UnsafeRawBufferPointer, _ first: RIFFChunk) -> [UInt8]? {
  let start = first.data.lowerBound
  let (width, height, hasAlpha): (Int, Int, Bool)
  if first.type == "VP8L", let bits = bytes.number(at: start + 1, size: 4, bigEndian: false) {
    (width, height, hasAlpha) = (bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1 == 1)
  } else if first.type == "VP8 ", let across = bytes.number(at: start + 6, size: 2, bigEndian: false),
    let down = bytes.number(at: start + 8, size: 2, bigEndian: false)
  {
    (width, height, hasAlpha) = (across & 0x3FFF - 1, down & 0x3FFF - 1, false)
  } else {
    return nil
  }
  return RIFFChunk.bytes(
    "VP8X",
    [hasAlpha ? 0x10 : 0, 0, 0, 0] + numberBytes(of: width, size: 3, bigEndian: false)
      + numberBytes(of: height, size: 3, bigEndian: false))
}
