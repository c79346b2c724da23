import CAVIF
import CVips

/// How a file holds its pixels, as far as they do not show it in memory. A result of the same format follows it.
struct FileCoding: Sendable {
  /// Pictures of an animation of which the first alone can be read; 1 else.
  private(set) var pictures = 1
  /// Bits per channel, where that is neither 8 nor 16.
  private(set) var depth: Int?
  /// How it holds one bit per pixel; nil: it has more.
  private(set) var bilevel: Bilevel?
  /// Whether a format that need not give each pixel its own chroma does so here.
  private(set) var hasFullChroma = false
  /// How colours are coded, if that is said.
  private(set) var codePoints: CodePoints?
  /// What colours mean, if numbers say that they are not sRGB.
  private(set) var encoding: ColourEncoding?
  /// Whether the numbers count more than a profile.
  private(set) var overridesProfile = false

  init() {}

  init(_ bytes: [UInt8], _ format: Format) {
    bilevel = Bilevel(bytes, format)
    switch format {
    case .png:
      let colour = PNGColour(bytes)
      (codePoints, encoding) = (colour.codePoints, colour.encoding)
      overridesProfile = codePoints != nil
      pictures = framesOfPNG(bytes)
    case .avif, .heic:
      var picture = cavif_header()
      if format == .avif, cavif_read_header(bytes, bytes.count, &picture) {
        hasFullChroma = picture.full_chroma
        pictures = max(1, Int(picture.frames))
      }
      var header = cvips_heif_coding()
      if pictures > 1 {
        // What counts is what the frames are, not the picture that stands for them.
        (header.depth, header.primaries) = (picture.depth, picture.primaries)
        (header.transfer, header.matrix) = (picture.transfer, picture.matrix)
      } else if !cvips_heif_coding_of(bytes, bytes.count, &header) {
        return
      }
      if header.depth > 8 { depth = Int(header.depth) }
      let points = CodePoints(
        primaries: Int(header.primaries), transfer: Int(header.transfer), matrix: Int(header.matrix))
      codePoints = points
      encoding = points.encoding
    case .jxl: pictures = Int(cvips_jxl_frames(bytes, bytes.count))
    default: break
    }
  }

  /// Bits per channel for a result in another format or the same, if it is to follow this file.
  func depth(in format: Format) -> Int? {
    depth.flatMap { format.bitDepths.contains($0) && ($0 != 10 || cavif_is_available()) ? $0 : nil }
  }

  /// Says in an encoded PNG or HEIC file again what the source said of HDR and other spaces; in PNG a profile beside it
  /// stands for it where it is not known. Throws `failed` without memory.
  func write(into file: EncodedImage) throws(ImagingError) {
    guard let codePoints, let encoding else { return }
    if file.format == .heic, let profile = encoding.profile(bands: 3) {
      return try HEIFColour.write(codePoints, standingFor: profile, into: file)
    }
    guard file.format == .png else { return }
    let numbers = [UInt8(codePoints.primaries), UInt8(codePoints.transfer), 0, 1]
    // Behind the signature and IHDR, which always come first and have fixed lengths.
    try file.replace(33..<33, with: PNGChunk.bytes("cICP", numbers))
  }

  /// What is to be told of colours that cannot be worked on as they are.
  var warning: String? {
    guard let codePoints else { return nil }
    if codePoints.isHDR {
      return "an HDR picture (\(codePoints.title)): what is brighter than white paper is taken for white"
    }
    return codePoints.isKnown ? nil : "its colours (\(codePoints.title)) are not known, and taken for sRGB"
  }
}

/// As chunk acTL of an animation (APNG) says, before the picture.
private func framesOfPNG(_ bytes: [UInt8]) -> Int {
  let chunks = PNGChunk.all(in: bytes).prefix { $0.type != "IDAT" }
  let count = chunks.first { $0.type == "acTL" }.flatMap { chunk in
    bytes.number(at: chunk.data.lowerBound, size: min(4, chunk.data.count), bigEndian: true)
  }
  return max(1, count ?? 1)
}
