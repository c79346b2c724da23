import CAVIF
import CVips

/// Whether the frames of AVIF files can be read here.
var readsAVIFFrames: Bool { cavif_is_available() }

/// Pictures that follow each other in an AVIF file, as far as that is known.
func framesOfAVIF(_ bytes: [UInt8]) -> Int {
  var header = cavif_header()
  return cavif_read_header(bytes, bytes.count, &header) ? Int(header.frames) : 1
}

/// The pictures of an AVIF animation, which libheif does not read.
final class AVIFFrames {
  private let decoder: OpaquePointer
  private let header: cavif_header

  /// nil: the file holds one picture, or libavif is not there.
  /// - Parameter bytes: are read as long as this lives.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, let decoder = cavif_decoder_new(start, bytes.count) else {
      return nil
    }
    (self.decoder, header) = (decoder, cavif_decoder_header(decoder))
    if header.frames < 2 { return nil }
  }

  deinit { cavif_decoder_free(decoder) }

  var count: Int { Int(header.frames) }
  var width: Int { Int(header.width) }
  var height: Int { Int(header.height) }

  /// How the frames are shown.
  var times: FrameTimes {
    FrameTimes(
      milliseconds: (0..<count).map { Int(cavif_decoder_milliseconds(decoder, Int32($0))) },
      loops: Int(header.loops))
  }

  /// A frame, from 0 on, 8 or 16 bits, with what the file says beside its pixels.
  func frame(_ index: Int) throws(VipsError) -> NativeImage {
    let channels = header.has_alpha ? 4 : 3
    let size = width * height * channels * (header.depth == 8 ? 1 : 2)
    guard let pixels = cvips_reallocate(nil, size) else { throw VipsError(reason: "out of memory") }
    defer { cvips_free(pixels) }
    var problem = [CChar](repeating: 0, count: 128)
    guard cavif_decoder_read(decoder, Int32(index), pixels, &problem, problem.count) else {
      throw VipsError(
        reason: String(decoding: problem.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
    let type = header.depth == 8 ? CVIPS_UINT8 : CVIPS_UINT16
    let image = try NativeImage(
      cvips_wrap(pixels, Int32(width), Int32(height), Int32(channels), type)
    ).inMemory()
    let fields: [(Unicode.Scalar, String)] = [("I", profileField), ("E", "exif-data"), ("X", "xmp-data")]
    for (kind, field) in fields {
      if let block = metadata(kind) { image.setBlob(field, block) }
    }
    return image
  }

  private func metadata(_ kind: Unicode.Scalar) -> [UInt8]? {
    var count = 0
    guard let block = cavif_decoder_metadata(decoder, CChar(kind.value), &count) else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: block, count: count))
  }
}
