import CVips

/// How a file holds black and white in one bit, as scans and fax do.
struct Bilevel: Sendable {
  /// In TIFF.
  private(set) var compression = CVIPS_GROUP4
  private(set) var isWhiteZero = true

  /// nil: its samples have more bits, or it has colours.
  init?(_ bytes: [UInt8], _ format: Format) {
    switch format {
    case .png: if bytes.count < 26 || bytes[24] != 1 || bytes[25] != 0 { return nil }
    case .ppm:
      if bytes.count < 2 || bytes[1] != UInt8(ascii: "1") && bytes[1] != UInt8(ascii: "4") { return nil }
    case .tiff:
      guard let header = TIFFHeader(bytes),
        let first = TIFFDirectory(bytes, header, at: header.firstDirectory)
      else { return nil }
      func number(_ tag: Int) -> Int? {
        first[tag].flatMap { bytes.number($0, bigEndian: header.isBigEndian) }
      }
      let photometric = number(TIFFTag.photometric)
      guard number(TIFFTag.bitsPerSample) ?? 1 == 1, number(TIFFTag.samplesPerPixel) ?? 1 == 1,
        photometric == 0 || photometric == 1
      else { return nil }
      isWhiteZero = photometric == 0
      compression = Self.compression(number(TIFFTag.compression) ?? 1)
    default: return nil
    }
  }

  /// By its number in a file. Both codes of fax group 3 become group 4, which says the same in fewer bytes.
  private static func compression(_ number: Int) -> cvips_compression {
    switch number {
    case 1: CVIPS_UNCOMPRESSED
    case 5: CVIPS_LZW
    case 8, 32946: CVIPS_DEFLATE
    case 32773: CVIPS_PACKBITS
    default: CVIPS_GROUP4
    }
  }
}
