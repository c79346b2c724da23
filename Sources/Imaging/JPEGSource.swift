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

  /// This source for pictures that none of its blocks can be in.
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
  ///   - holdsOrientation: whether the file can say how it is to be turned.
  /// - Returns: the file, without metadata but the profile, to be given to cvips_free, and its orientation; nil where
  ///   libjpeg is missing or cannot do that, or the colours are not those of this file.
  func file(of image: NativeImage, quality: Int?, holdsOrientation: Bool)
    -> (bytes: UnsafeMutableRawPointer, count: Int, orientation: Int)?
  {
    bytes.withUnsafeBytes { raw in
      guard image.header.type == CVIPS_UINT8, let encoder = JPEGEncoder(raw),
        image.bands == encoder.header.channels
      else { return nil }
      let profile = image.blob(profileField)
      if quality == nil, let pixels, orientation.exif == 1 || holdsOrientation,
        let file = encoder.blocks(where: image, isNot: pixels, orientation, { withProfile(profile, $0) })
      {
        return (file.bytes, file.count, orientation.exif)
      }
      // After a failure nothing more can be asked of the other one.
      return JPEGEncoder(raw)?.picture(image, quality: quality) { withProfile(profile, $0) }
        .map { ($0.bytes, $0.count, 1) }
    }
  }
}

/// A copy of a file with a profile in front, behind its own segment of JFIF.
private func withProfile(_ profile: [UInt8]?, _ data: UnsafeBufferPointer<UInt8>)
  -> (bytes: UnsafeMutableRawPointer, count: Int)?
{
  let place = data[3] == 0xE0 ? 4 + Int(data[4]) << 8 + Int(data[5]) : 2
  let head = data[..<place] + JPEGSegment.profile(profile ?? []).flatMap(\.bytes)
  let count = head.count + data.count - place
  guard let memory = cvips_reallocate(nil, count) else { return nil }
  head.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  (memory + head.count).copyMemory(from: data.baseAddress! + place, byteCount: data.count - place)
  return (memory, count)
}
