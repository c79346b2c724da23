/// The name of the metadata field of an XMP packet.
let xmpField = "xmp-data"

/// Fields that tell how the file was made or describe pictures that are not kept. A writer would act on
/// some of them (a palette, a page height), and thumbnails would show what is no longer in the image.
private let staleFields: Set = [
  "orientation", "exif-ifd0-Orientation", "jpeg-thumbnail-data", "n-pages", "page-height", "n-subifds",
  "delay", "loop", "gif-delay", "gif-loop", "gif-palette", "gif-comment", "palette", "palette-bit-depth",
  "bits-per-sample", "background", "interlaced", "heif-primary", "heif-bitdepth", "heif-compression",
  "jpeg-multiscan", "jpeg-chroma-subsample", "vips-loader", "vips-sequential", "concurrency",
]

/// libvips 8.14 takes XMP in AVIF and HEIC for XMP only if it starts without a packet header, and names
/// it after its place among the metadata otherwise. Only while nobody else has the image.
func nameXMP(of image: NativeImage) {
  let fields = image.fields
  if fields.contains(xmpField) { return }
  for field in fields where field.hasPrefix("heif-mime-") {
    guard let bytes = image.blob(field), bytes.first(of: "<x:xmpmeta") != nil else { continue }
    image.setBlob(xmpField, bytes)
    image.remove(field)
    return
  }
}

/// Only while nobody else has the image.
func dropStaleFields(of image: NativeImage) {
  dropPhotoshopThumbnails(of: image)
  dropTruncatedIPTC(of: image)
  for field in image.fields where staleFields.contains(field) || field.hasPrefix("exif-ifd1-") {
    image.remove(field)
  }
}

/// Only while nobody else has the image. The profile stays: without it the colours would be others.
func dropMetadata(of image: NativeImage) {
  for field in image.fields where field != profileField && !coreFields.contains(field) {
    image.remove(field)
  }
}

private let coreFields: Set = [
  "width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres",
  "filename",
]
