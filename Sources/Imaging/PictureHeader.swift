import CVips

/// What a file says of its picture before the pixels.
public struct PictureHeader: Sendable {
  public let format: Format
  /// Pixels across and down, as they are stored.
  public let width, height: Int
  /// Bytes of a pixel in memory.
  public let bytesPerPixel: Int
  /// What `ResultImage.encoded` stored in an earlier run; nil if nothing.
  public let provenance: String?

  /// Decodes no pixels but of formats that libvips is not asked to read.
  /// Throws what `SourceImage.open` throws, `damaged` only where the header is.
  public init(of input: Input, limits: Limits = Limits()) throws(ImagingError) {
    let bytes = try input.read(limits)
    try Imaging.load()
    let name = input.name
    guard let format = Format(of: bytes) else {
      throw ImagingError(.notAnImage, name, "not a picture that can be read (\(Format.list))")
    }
    self.format = format
    if format.native == nil {
      let image = try SourceImage.open(.bytes(bytes, name: name), limits: limits)
      (width, height, provenance) = (image.width, image.height, image.provenance)
      bytesPerPixel = (image.colourChannels + (image.hasAlpha ? 1 : 0)) * image.bitDepth / 8
      return
    }
    let view = try FrameView(bytes, format, name, frame: 0, nil)
    let size = view.size
    let found = view.bytes.withUnsafeBytes { raw -> Result<(Int, Int, Int, String?), VipsError> in
      do throws(VipsError) {
        let picture = try view.lazyPicture(raw, format)
        let metadata = Metadata(bytes, format, picture)
        return .success(
          (
            size?.width ?? picture.width, size?.height ?? picture.height,
            picture.bands * picture.bitDepth / 8, metadata.xmp.flatMap(readProvenance)
          ))
      } catch {
        return .failure(error)
      }
    }
    switch found {
    case .success(let values): (width, height, bytesPerPixel, provenance) = values
    case .failure(let error): throw decoderFailure(error.reason, format, name)
    }
  }
}
