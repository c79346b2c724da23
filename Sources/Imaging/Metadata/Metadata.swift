import CVips

/// What a file says beside its pixels and its colour profile, as it stands there. libvips 8.14 would drop parts of
/// it and write others anew, so it is read from the file and written into the encoded one.
struct Metadata: Sendable {
  /// Also the fields of a TIFF file that say something of the picture.
  var exif: EXIFBlock?
  /// In UTF-8, all in one packet.
  var xmp: [UInt8]?
  /// Records of IIM.
  var iptc: [UInt8]?
  /// Without IPTC and thumbnails.
  var resources: [PhotoshopResource] = []
  /// JPEG's, GIF's.
  var comments: [[UInt8]] = []
  /// PNG's.
  var texts: [PNGText] = []
  /// PNG's time of the last change.
  var time: [UInt8]?
  /// Segments of a JPEG file that are of none of the kinds above.
  var segments: [JPEGSegment] = []
  /// The density that the file has apart from the EXIF block, or else that of the block.
  var density: Density?
  /// What the segment of JFIF in a JPEG file says of density: a unit, across and down in two bytes each.
  var jfif: [UInt8]?
  /// What a TIFF file says of its samples.
  var samples = TIFFSamples()
  /// Whether the picture that is written has alpha.
  var hasAlpha = false
  /// Names of what was in the file and cannot be true of a result.
  var lost: [String] = []
  /// Pixels of the source across and down, upright, and its pages.
  var width = 0
  var height = 0
  var pages = 1
  /// Whether the picture was turned or mirrored to be upright.
  var isTurned = false

  init() {}

  /// - Parameter image: the same file as libvips has read it.
  init(_ bytes: [UInt8], _ format: Format, _ image: NativeImage) {
    switch format {
    case .jpeg: readJPEG(bytes)
    case .png: readPNG(bytes, image)
    case .webp: readWebP(bytes)
    case .tiff: readTIFF(bytes)
    case .avif, .heic: readHEIF(bytes, image)
    case .gif:
      xmp = xmpPacket(inGIF: bytes)
      comments = image.text("gif-comment").map { [Array($0.utf8)] } ?? []
    case .jxl, .jp2: readBoxes(bytes)
    case .psd: readPSD(bytes)
    case .raw: lose("what a camera raw file says of the photo")
    case .ppm, .bmp, .tga: break
    }
    xmp = xmp.map(utf8XMP)
    dropCompanions()
    exif?.dropThumbnails()
    if density == nil { density = exif?.contents.flatMap(Density.init) }
  }
}

extension Metadata {
  private mutating func readJPEG(_ bytes: [UInt8]) {
    let all = JPEGSegment.all(in: bytes)
    var photoshop: [UInt8] = []
    var block: [UInt8]?
    xmp = xmpPacket(in: all)
    for segment in all {
      let payload = segment.payload
      switch segment.marker {
      case 0xE0 where payload.has("JFIF\0", at: 0):
        density = density ?? Density(jfif: payload)
        jfif = payload.part(7, 5)
      case 0xE1 where payload.has("Exif\0", at: 0):
        // A block that is too long for a segment goes on in the next.
        if let begun = block, TIFFHeader(Array(payload.dropFirst(6))) == nil {
          block = begun + payload.dropFirst(6)
        } else {
          block = block ?? payload
        }
      case 0xE1 where isXMP(segment): break
      case 0xED where payload.starts(with: PhotoshopResource.signature):
        photoshop += payload.dropFirst(PhotoshopResource.signature.count)
      case 0xEB where payload.has("JP", at: 0):
        lose(payload.first(of: "c2pa") == nil ? "JUMBF boxes" : "content credentials (C2PA)")
      case 0xE2 where payload.has("MPF\0", at: 0): lose("the other pictures of the file (MPF)")
      case 0xE2 where payload.has("FPXR\0", at: 0): lose("Flashpix extensions")
      case 0xE2 where payload.has("urn:iso:std:iso:ts:21496", at: 0): lose("the HDR gain map")
      // A thumbnail, a profile, which libvips carries, how the pixels are coded.
      case 0xE0 where payload.has("JFXX\0", at: 0): break
      case 0xE2 where payload.has("ICC_PROFILE", at: 0): break
      case 0xE8, 0xEE: break
      case JPEGSegment.comment: comments.append(payload)
      default: segments.append(segment)
      }
    }
    switch JPEGSegment.trailer(bytes) {
    case .picture where lost.isEmpty: lose("the other pictures of the file")
    case .other: lose("what follows the picture in the file")
    default: break
    }
    exif = block.flatMap(EXIFBlock.init)
    take(PhotoshopResource.all(in: photoshop))
  }

  private mutating func readPNG(_ bytes: [UInt8], _ image: NativeImage) {
    // libvips has the texts of compressed chunks.
    var fields = image.fields.filter { $0.hasPrefix("png-comment-") }
    func value(_ keyword: String) -> String? {
      guard let index = fields.firstIndex(where: { $0.hasSuffix("-" + keyword) }) else { return nil }
      return image.text(fields.remove(at: index))
    }
    for chunk in PNGChunk.all(in: bytes) {
      let data = Array(bytes[chunk.type == "IDAT" ? chunk.data.prefix(0) : chunk.data])
      switch chunk.type {
      case "eXIf": exif = EXIFBlock(data)
      case "tIME": time = data
      case "pHYs": density = Density(pHYs: data)
      case "caBX": lose("content credentials (C2PA)")
      default:
        guard let text = PNGText(type: chunk.type, data: data) else { continue }
        let known = value(text.keyword)
        if text.keyword == PNGText.xmpKeyword {
          xmp = text.text.map { Array($0.utf8) } ?? image.blob("xmp-data")
        } else if text.keyword.hasPrefix(PNGText.profilePrefix) {
          guard let block = (text.text ?? known).flatMap(PNGText.profile) else { continue }
          takeProfile(String(text.keyword.dropFirst(PNGText.profilePrefix.count)), block)
        } else {
          texts.append(text.text == nil ? text.with(known) : text)
        }
      }
    }
  }

  private mutating func takeProfile(_ name: String, _ block: [UInt8]) {
    switch name {
    case "exif", "APP1":
      if block.has("http", at: 0) {
        xmp = xmp ?? xmpPacket(in: [JPEGSegment(marker: 0xE1, payload: block)])
      } else {
        exif = exif ?? EXIFBlock(block)
      }
    case "xmp": xmp = xmp ?? block
    case "iptc", "8bim":
      if block.first == 0x1C { iptc = block } else { take(PhotoshopResource.all(in: block)) }
    default: break
    }
  }

  private mutating func readWebP(_ bytes: [UInt8]) {
    for chunk in RIFFChunk.all(in: bytes) {
      switch chunk.type {
      case "EXIF": exif = EXIFBlock(Array(bytes[chunk.data]))
      case "XMP ": xmp = Array(bytes[chunk.data])
      case "C2PA": lose("content credentials (C2PA)")
      default: break
      }
    }
  }

  private mutating func readHEIF(_ bytes: [UInt8], _ image: NativeImage) {
    exif = image.blob("exif-data").flatMap { block in
      // Behind what says how far the block is.
      EXIFBlock(block) ?? block.first(of: "Exif\0\0").flatMap { EXIFBlock(Array(block[$0.lowerBound...])) }
    }
    let items = ISOBox.all(in: bytes, 0..<bytes.count).first { $0.type == "meta" }?.data
    // Apple's kind, and that of ISO 21496-1.
    if let items, ["aux:hdrgainmap", "tmap"].contains(where: { bytes[items].first(of: $0) != nil }) {
      lose("the HDR gain map")
    }
    xmp = image.blob("xmp-data")
    // libvips 8.14 takes XMP for XMP only if it starts without a packet header, and names it after its place
    // among the metadata otherwise.
    for field in image.fields where xmp == nil && field.hasPrefix("heif-mime-") {
      xmp = image.blob(field).map(utf8XMP).flatMap { $0.first(of: "<x:xmpmeta") == nil ? nil : $0 }
    }
  }

  mutating func take(_ found: [PhotoshopResource]) {
    if let records = found.first(where: \.isIPTC) { iptc = iptc ?? records.data }
    resources += found.filter { !$0.isIPTC && !$0.isThumbnail }
  }

  mutating func lose(_ name: String) {
    if !lost.contains(name) { lost.append(name) }
  }
}
