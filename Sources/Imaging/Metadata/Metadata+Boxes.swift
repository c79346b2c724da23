import CVips

// JPEG XL has EXIF and XMP in boxes of their own (ISO 18181-2), JPEG 2000 in boxes of type uuid. libvips 8.14 reads
// and writes none of them.

extension Metadata {
  /// Reads a file of JPEG XL or JPEG 2000.
  mutating func readBoxes(_ bytes: [UInt8]) {
    for box in ISOBox.all(in: bytes, 0..<bytes.count) { read(box.type, Array(bytes[box.data])) }
  }

  private mutating func read(_ type: String, _ data: [UInt8]) {
    switch type {
    case "Exif":
      // Behind what says how far the block is.
      guard let skipped = data.number(at: 0, size: 4, bigEndian: true), skipped <= data.count - 4 else {
        return
      }
      exif = exif ?? EXIFBlock(Array(data.dropFirst(4 + skipped)))
    case "xml ":
      if utf8XMP(data).first(of: "<rdf:RDF") != nil {
        xmp = xmp ?? data
      } else {
        lose("an XML box")
      }
    case "brob":
      let name = String(decoding: data.prefix(4), as: UTF8.self)
      // It holds no other of its kind.
      guard data.count > 4, name != "brob" else { return }
      var count = 0
      guard let whole = data.withUnsafeBytes({ cvips_unbrotli($0.baseAddress! + 4, $0.count - 4, &count) })
      else {
        lose("the compressed box \(name.filter { $0.isLetter })")
        return
      }
      defer { cvips_free(whole) }
      read(name, [UInt8](UnsafeRawBufferPointer(start: whole, count: count)))
    case "uuid": readUUID(data)
    case "jumb": lose(data.first(of: "c2pa") == nil ? "JUMBF boxes" : "content credentials (C2PA)")
    case "jhgm": lose("the HDR gain map")
    default: break
    }
  }

  private mutating func readUUID(_ data: [UInt8]) {
    let (name, content) = (Array(data.prefix(16)), Array(data.dropFirst(16)))
    switch name {
    case Array("JpgTiffExif->JP2".utf8): exif = exif ?? EXIFBlock(content)
    case [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC]:
      xmp = xmp ?? content
    case [0x33, 0xC7, 0xA4, 0xD2, 0xB8, 0x1D, 0x47, 0x23, 0xA0, 0xBA, 0xF1, 0xA3, 0xE0, 0x97, 0xAD, 0x38]:
      iptc = iptc ?? content
    case [0xB1, 0x4B, 0xF8, 0xBD, 0x08, 0x3D, 0x4B, 0x43, 0xA5, 0xAE, 0x8C, 0xD7, 0xD5, 0xA6, 0xCE, 0x03]:
      lose("GeoTIFF's fields")
    default: lose("a box of an unknown kind")
    }
  }

  func writeJXL(_ file: EncodedImage) throws(ImagingError) {
    var new: [UInt8] = []
    if let exif = exif ?? exifOfDensity { new += ISOBox.bytes("Exif", [0, 0, 0, 0] + exif.bytes) }
    if let xmp { new += ISOBox.bytes("xml ", xmp) }
    if new.isEmpty { return }
    let signature = ISOBox.bytes("JXL ", [0x0D, 0x0A, 0x87, 0x0A])
    if file.withUnsafeBytes({ $0.has([0xFF, 0x0A], at: 0) }) {
      // The picture alone becomes the last box of a file.
      let type = ISOBox.bytes("ftyp", Array("jxl \0\0\0\0jxl ".utf8))
      try file.replace(0..<0, with: signature + type + new + ISOBox.head("jxlc", file.count))
      return
    }
    // Behind what tells the kind of the file, before the picture.
    let start = file.withUnsafeBytes { bytes in
      ISOBox.all(in: bytes, 0..<bytes.count).prefix { ["JXL ", "ftyp", "jxll"].contains($0.type) }.last?.whole
        .upperBound
    }
    guard let start else { throw notUnderstood(file) }
    try file.replace(start..<start, with: new)
  }

  /// Reads what a Photoshop file says that is true of the flattened picture.
  mutating func readPSD(_ bytes: [UInt8]) {
    guard let header = PSDHeader(bytes) else { return }
    if header.hasLayers { lose("Photoshop's layers") }
    for resource in header.resources {
      switch resource.number {
      case 1005: density = Density(photoshop: resource.data)
      case 1058: exif = EXIFBlock(resource.data)
      case 1060: xmp = resource.data
      default: break
      }
    }
    // Of the others, IPTC and paths, which count in parts of the picture.
    take(header.resources.filter { $0.isIPTC || (2000...2998).contains($0.number) })
  }
}
