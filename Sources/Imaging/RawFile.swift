import CRaw

/// The picture that LibRaw develops of a camera raw file, in sRGB of 16 bits.
struct RawFile {
  let bitmap: Bitmap

  /// Throws `damaged`, `unsupported` or `tooLarge`.
  init(_ bytes: [UInt8], name: String, _ limits: Limits) throws(ImagingError) {
    guard craw_is_available() else {
      throw ImagingError(
        .unsupported, name,
        "a camera raw file, and LibRaw is not installed: install libraw20, or save it as TIFF")
    }
    bitmap = try bytes.withUnsafeBytes { raw -> Result<Bitmap, ImagingError> in
      var problem: UnsafePointer<CChar>?
      func failure() -> Result<Bitmap, ImagingError> {
        let words = problem.map { String(cString: $0) } ?? "unknown reason"
        return .failure(ImagingError(.damaged, name, "LibRaw cannot develop this camera raw file: \(words)"))
      }
      guard let file = craw_open(raw.baseAddress!, raw.count, &problem) else { return failure() }
      defer { craw_close(file) }
      do throws(ImagingError) {
        try limits.check(width: Int(craw_width(file)), height: Int(craw_height(file)), name: name)
      } catch {
        return .failure(error)
      }
      var picture = craw_picture()
      guard craw_develop(file, &picture, &problem) else { return failure() }
      defer { craw_free(&picture) }
      let (width, height, channels) = (Int(picture.width), Int(picture.height), Int(picture.channels))
      let samples = UnsafeRawBufferPointer(start: picture.samples, count: width * height * channels * 2)
      return .success(
        Bitmap(width: width, height: height, channels: channels, bytes: Array(samples), isWide: true))
    }
    .get()
  }

  /// Whether a file that begins as TIFF does has a sensor's samples in one of its directories.
  static func isRaw(_ bytes: [UInt8]) -> Bool {
    guard let header = TIFFHeader(bytes), !header.isBigTIFF else { return false }
    var places = [header.firstDirectory]
    // More directories than a camera writes are not followed, nor those that lead back.
    for index in 0..<16 where index < places.count {
      guard let directory = TIFFDirectory(bytes, header, at: places[index]) else { continue }
      let kind = directory[TIFFTag.photometric].flatMap { bytes.number($0, bigEndian: header.isBigEndian) }
      // Colour filter array, linear raw.
      if kind == 32803 || kind == 34892 { return true }
      if let parts = directory[TIFFTag.subDirectories] {
        places += (0..<min(parts.count, 8)).compactMap {
          bytes.number(parts, $0, bigEndian: header.isBigEndian)
        }
      }
      places.append(directory.next)
    }
    return false
  }

  /// Whether a file begins as those of some cameras do.
  static func hasSignature(_ head: [UInt8]) -> Bool {
    head.has("II*\0", at: 0) && head.has("CR", at: 8)
      || ["IIU\0", "IIRO", "IIRS", "MMOR", "FUJIFILMCCD-RAW "].contains { head.has($0, at: 0) }
      || head.has("ftypcrx ", at: 4)
  }
}
