import CJPEG
import CVips

/// The JPEG file that an image came from: a result becomes a file of the same kind.
struct JPEGSource: Sendable {
  /// The file.
  let bytes: [UInt8]
  /// How its pixels are stored.
  let orientation: StoredOrientation
  /// What its blocks decode to, upright; nil where the image has been given another size.
  private var pixels: NativeImage?

  init(_ bytes: [UInt8], orientation: Int, pixels: NativeImage) {
    self.bytes = bytes
    self.orientation = StoredOrientation(exif: orientation)
    self.pixels = pixels
  }

  /// The same for pictures that none of its blocks can be in.
  var inAnotherSize: JPEGSource {
    var other = self
    other.pixels = nil
    return other
  }

  /// A file like this one.
  ///
  /// Without a quality the quantisation tables are those of this file, and where `image` has the pixels of this file, so
  /// are the blocks: those that stand for a pixel which differs are made anew. Such a file is stored as this one is, with
  /// its orientation; all others are upright. Chroma subsampling, progressive mode, arithmetic coding and restart
  /// intervals are those of this file always.
  ///
  /// Besides what libjpeg holds for it, 2 bytes for each coefficient (3 a pixel with 4:2:0, 6 with 4:4:4), it takes
  /// strips of the picture.
  /// - Parameters:
  ///   - image: 8 bits, upright.
  ///   - plain: the same as a JPEG file of any kind, with the metadata that the result is to have.
  /// nil where libjpeg is missing or cannot do that, or the colours are not those of this file.
  func file(of image: NativeImage, quality: Int?, like plain: EncodedImage) -> EncodedImage? {
    bytes.withUnsafeBytes { raw in
      guard image.header.type == CVIPS_UINT8, let header = JPEGEncoder(raw)?.header,
        image.bands == header.channels
      else { return nil }
      let segments = plain.jpegSegments.filter(\.isMetadata)
      if quality == nil, let pixels,
        let stored = segments.stored(as: orientation, Int(header.width), Int(header.height)),
        let file = JPEGEncoder(raw)?.blocks(
          where: image, isNot: pixels, orientation, { plain.replacing($0, stored) })
      {
        return file
      }
      return JPEGEncoder(raw)?.picture(image, quality: quality) { plain.replacing($0, segments) }
    }
  }
}

extension EncodedImage {
  /// The file that other data make with these segments in front, behind their own of JFIF.
  fileprivate func replacing(_ data: UnsafeBufferPointer<UInt8>, _ segments: [JPEGSegment]) -> EncodedImage? {
    let place = data[3] == 0xE0 ? 4 + Int(data[4]) << 8 + Int(data[5]) : 2
    let head = data[..<place] + segments.flatMap(\.bytes)
    let count = head.count + data.count - place
    guard let memory = cvips_allocate(count) else { return nil }
    head.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    (memory + head.count).copyMemory(from: data.baseAddress! + place, byteCount: data.count - place)
    return EncodedImage(memory, count: count, format: format, notes: notes)
  }
}
