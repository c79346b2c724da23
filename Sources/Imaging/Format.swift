import CVips

/// A file format.
public enum Format: String, Sendable, CaseIterable {
  case jpeg, png, webp, tiff, avif, heic, gif, jxl, ppm, jp2, bmp, tga, psd, raw

  /// Formats that are written.
  public static let written = allCases.filter(\.isWritten)

  var isWritten: Bool { ![.jp2, .bmp, .tga, .psd, .raw].contains(self) }

  /// The extensions of its files, without the dot; the first is the usual one.
  public var extensions: [String] {
    switch self {
    case .jpeg: ["jpg", "jpeg", "jpe", "jfif"]
    case .png: ["png"]
    case .webp: ["webp"]
    case .tiff: ["tif", "tiff"]
    case .avif: ["avif"]
    case .heic: ["heic", "heif"]
    case .gif: ["gif"]
    case .jxl: ["jxl"]
    case .ppm: ["ppm", "pgm", "pbm", "pnm"]
    case .jp2: ["jp2", "j2k", "j2c", "jpc", "jpf", "jpx"]
    case .bmp: ["bmp", "dib"]
    case .tga: ["tga"]
    case .psd: ["psd", "psb"]
    case .raw: ["dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf", "pef"]
    }
  }

  /// Its name in messages.
  public var title: String {
    switch self {
    case .jpeg: "JPEG"
    case .png: "PNG"
    case .webp: "WebP"
    case .tiff: "TIFF"
    case .avif: "AVIF"
    case .heic: "HEIC"
    case .gif: "GIF"
    case .jxl: "JPEG XL"
    case .ppm: "PPM"
    case .jp2: "JPEG 2000"
    case .bmp: "BMP"
    case .tga: "TGA"
    case .psd: "PSD"
    case .raw: "camera raw"
    }
  }

  /// The format that a file of this name has, by its extension. nil if there is none or it is unknown.
  public init?(path: String) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    let ending = name[name.index(after: dot)...].lowercased()
    guard let format = Format.allCases.first(where: { $0.extensions.contains(ending) }) else { return nil }
    self = format
  }

  /// The format of a whole file: those of many cameras begin as TIFF does.
  init?(of file: [UInt8]) {
    self.init(sniffing: file)
    if self == .tiff, RawFile.isRaw(file) { self = .raw }
  }

  /// The format of a file, by its first bytes; 64 are enough.
  public init?(sniffing bytes: some RandomAccessCollection<UInt8>) {
    let head = [UInt8](bytes.prefix(64))
    func has(_ text: String, at start: Int = 0) -> Bool { head.dropFirst(start).starts(with: text.utf8) }
    if RawFile.hasSignature(head) {
      self = .raw
    } else if head.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if has("RIFF"), has("WEBP", at: 8) {
      self = .webp
    } else if ["II*\0", "MM\0*", "II+\0", "MM\0+"].contains(where: { has($0) }) {
      self = .tiff
    } else if has("GIF87a") || has("GIF89a") {
      self = .gif
    } else if head.count > 2, head[0] == 0x50, (0x31...0x36).contains(head[1]),
      [0x20, 0x09, 0x0A, 0x0D, 0x23].contains(head[2])
    {
      self = .ppm
    } else if BMPHeader.isBMP(head) {
      self = .bmp
    } else if head.starts(with: [0xFF, 0x0A]) || head.starts(with: signatureBox("JXL ")) {
      self = .jxl
    } else if head.starts(with: [0xFF, 0x4F, 0xFF, 0x51]) || head.starts(with: signatureBox("jP  ")) {
      self = .jp2
    } else if has("8BPS") {
      self = .psd
    } else if has("ftyp", at: 4) {
      let brands = stride(from: 8, to: head.count - 3, by: 4).filter { $0 != 12 }
      func any(_ names: [String]) -> Bool { brands.contains { at in names.contains { has($0, at: at) } } }
      if any(["avif", "avis"]) {
        self = .avif
      } else if any(["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"]) {
        self = .heic
      } else {
        return nil
      }
    } else if TGAHeader(head) != nil {
      // It has no signature of its own, so it is what nothing else is.
      self = .tga
    } else {
      return nil
    }
  }

  /// nil: it is read without libvips.
  var native: cvips_format? {
    switch self {
    case .jpeg: CVIPS_JPEG
    case .png: CVIPS_PNG
    case .webp: CVIPS_WEBP
    case .tiff: CVIPS_TIFF
    case .avif: CVIPS_AVIF
    case .heic: CVIPS_HEIC
    case .gif: CVIPS_GIF
    case .ppm: CVIPS_PPM
    case .jxl: CVIPS_JXL
    case .jp2: CVIPS_JP2
    case .bmp, .tga, .psd, .raw: nil
    }
  }

  /// "JPEG, PNG, ... or camera raw"
  static var list: String {
    let titles = allCases.map(\.title)
    return titles.dropLast().joined(separator: ", ") + " or " + titles.last!
  }
}

/// The first box of files of JPEG XL and JPEG 2000.
private func signatureBox(_ type: String) -> [UInt8] {
  [0, 0, 0, 12] + Array(type.utf8) + [0x0D, 0x0A, 0x87, 0x0A]
}
