/// Removes all fields that a writer could act on or write. Only while nobody else has the image. The profile stays:
/// without it the colours would be others.
func dropMetadata(of image: NativeImage) {
  for field in image.fields where field != profileField && !coreFields.contains(field) {
    image.remove(field)
  }
}

private let coreFields: Set = [
  "width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres",
  "filename",
]

extension Metadata {
  /// Makes libvips write the XMP packet, and an EXIF block that is replaced when the file is there.
  /// Only while nobody else has the image.
  func setPlaceholders(on image: NativeImage) {
    if let xmp { image.setBlob("xmp-data", xmp) }
    if exif != nil || density != nil {
      let block = EXIFContents(
        isBigEndian: false, main: [TIFFEntry(TIFFTag.orientation, shorts: [1], bigEndian: false)])
      image.setBlob("exif-data", Array("Exif\0\0".utf8) + block.block().bytes)
    }
  }
}
