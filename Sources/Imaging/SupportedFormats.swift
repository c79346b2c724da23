import CRaw
import CVips

extension Imaging {
  /// What the libvips at hand can do with a format.
  public struct FormatSupport: Sendable {
    public let format: Format
    public let reads, writes: Bool
  }

  /// All formats, and what can be done with them here. Tries each encoder and decoder once with a tiny image,
  /// which takes some milliseconds. Throws `libraryMissing`.
  public static func supportedFormats() throws(ImagingError) -> [FormatSupport] {
    try load()
    return Format.allCases.map { format in
      let file = try? tinyImage().encoded(as: format)
      // Reading can only be tried with a file; formats without an encoder have a decoder if the other half
      // of the same library works.
      let reads =
        file.map { file in
          (try? SourceImage.open(.bytes(file.bytes, name: format.title))) != nil
        } ?? canOnlyRead(format)
      return FormatSupport(format: format, reads: reads, writes: file != nil)
    }
  }

  private static func canOnlyRead(_ format: Format) -> Bool {
    switch format {
    case .heic: canWrite(.avif)
    case .jp2: readsJPEG2000
    case .raw: craw_is_available()
    default: format.native == nil
    }
  }

  /// Whether this libvips has an encoder for a format. Where there is no memory to try it, it is taken to have one: what is
  /// lacking is said when it is used.
  public static func canWrite(_ format: Format) -> Bool {
    switch format {
    case .jpeg, .png, .tiff, .ppm: return true
    case .jp2, .bmp, .tga, .psd, .raw: return false
    case .webp, .avif, .heic, .gif, .jxl:
      do throws(ImagingError) {
        _ = try tinyImage().encoded(as: format)
        return true
      } catch {
        return error.lacksResources
      }
    }
  }

  /// Whether this libvips has OpenJPEG: a file that ends after its signature is then damaged, not of an unknown kind.
  private static var readsJPEG2000: Bool {
    do throws(ImagingError) {
      _ = try SourceImage.open(.bytes([0xFF, 0x4F, 0xFF, 0x51], name: "a file of JPEG 2000"))
      return true
    } catch {
      return error.kind == .damaged
    }
  }

  private static func tinyImage() throws(ImagingError) -> ResultImage {
    try ResultImage.fresh(FloatImage(width: 16, height: 16, channels: 3, filledWith: 0.5))
  }
}
