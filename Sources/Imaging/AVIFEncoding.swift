import CAVIF
import CVips
import Glibc

/// Writes AVIF with libavif, where libheif 1.15 would lose how the pixels are held: it ends the program at 10 bits, has no
/// code points, and writes no animations.
struct AVIFEncoding {
  let coding: FileCoding
  let options: WriteOptions
  /// Bits per channel in the file.
  let depth: Int
  /// How the rows of the image are frames; nil: it is a photo.
  let frames: FrameTiming?

  /// Whether it is to be used, and can be.
  var isWanted: Bool {
    frames != nil
      || !options.lossless && (depth == 10 || coding.hasFullChroma || coding.encoding != nil)
        && cavif_is_available()
  }

  /// - Parameters:
  ///   - image: grey or RGB, with or without alpha, 8 or 16 bits.
  ///   - exif: a block for an animation, in which none can be replaced, or nil.
  ///   - xmp: a packet for it, or nil.
  /// - Returns: the bytes of a file, that of a photo with a block of EXIF to be replaced.
  func encoded(_ image: NativeImage, exif: [UInt8]?, xmp: [UInt8]?) throws(VipsError)
    -> (UnsafeMutableRawPointer, count: Int)
  {
    guard cavif_is_available() else { throw VipsError(reason: "libavif is not there, No encoder") }
    let colours = image.bands > 2 ? image : try replicated(image)
    let wide = image.bitDepth == 16 ? colours : try colours.rescaled(257, to: CVIPS_UINT16)
    let pixels = try wide.values(UInt16.self)
    // A profile that stands for code points would hide them.
    let profile = coding.encoding == nil ? image.blob(profileField) : nil
    let points = coding.codePoints
    return try pixels.withUnsafeBufferPointer { pixels throws(VipsError) in
      try withBytes(profile) { profile throws(VipsError) in
        try withBytes(xmp) { xmp throws(VipsError) in
          var picture = cavif_picture()
          (picture.width, picture.height) = (Int32(image.width), Int32(image.height))
          picture.channels = Int32(colours.bands)
          picture.pixels = pixels.baseAddress!
          picture.depth = Int32(depth)
          picture.full_chroma = coding.hasFullChroma || (options.quality ?? 0) >= 90
          // Animations are sRGB.
          let (primaries, transfer) = frames == nil ? (2, 2) : (1, 13)
          picture.primaries = Int32(points?.primaries ?? primaries)
          picture.transfer = Int32(points?.transfer ?? transfer)
          picture.matrix = Int32(Self.matrix(points?.matrix))
          picture.quality = Int32(options.quality ?? 75)
          picture.speed = Int32(9 - (options.effort ?? 4))
          (picture.profile, picture.profile_count) = (profile.baseAddress, profile.count)
          (picture.xmp, picture.xmp_count) = (xmp.baseAddress, xmp.count)
          return try withBytes(frames == nil ? Self.placeholder : exif) { exif throws(VipsError) in
            (picture.exif, picture.exif_count) = (exif.baseAddress, exif.count)
            guard let frames else { return try Self.encoded(picture) }
            return try frames.milliseconds.withUnsafeBufferPointer { times throws(VipsError) in
              (picture.milliseconds, picture.frames) = (times.baseAddress, Int32(times.count))
              (picture.height, picture.loops) = (Int32(frames.height), frames.loops)
              return try Self.encoded(picture)
            }
          }
        }
      }
    }
  }

  /// What is to be told of an animation.
  func notes(of frames: FrameTiming) -> [String] {
    var notes: [String] = []
    if options.lossless { notes.append("AVIF animations have no lossless mode here.") }
    if frames.loops > 0, !cavif_knows_loops() {
      notes.append("This libavif does not write how often an animation is shown: it is shown without end.")
    }
    return notes
  }

  private func replicated(_ image: NativeImage) throws(VipsError) -> NativeImage {
    let grey = try image.bands(0..<1)
    let colours = try grey.joined(grey).joined(grey)
    return image.bands == 2 ? try colours.joined(image.bands(1..<2)) : colours
  }

  private static func encoded(_ picture: cavif_picture) throws(VipsError) -> (
    UnsafeMutableRawPointer, count: Int
  ) {
    var (picture, count) = (picture, 0)
    var problem = [CChar](repeating: 0, count: 128)
    guard let bytes = cavif_encode(&picture, &count, &problem, problem.count) else {
      throw VipsError(
        reason: String(decoding: problem.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
    defer { free(bytes) }
    guard let own = cvips_reallocate(nil, count) else { throw VipsError(reason: "out of memory") }
    own.copyMemory(from: bytes, byteCount: count)
    return (own, count)
  }

  /// The source's, where it is one of those that turn RGB into luma and chroma simply; else that of BT.601.
  private static func matrix(_ source: Int?) -> Int { [1, 5, 6, 9].contains(source) ? source! : 6 }

  /// An empty TIFF structure.
  private static let placeholder: [UInt8] = Array("II*\0".utf8) + [8, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

private func withBytes<Result>(
  _ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer) throws(VipsError) -> Result
) throws(VipsError) -> Result {
  guard let bytes else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
  return try bytes.withUnsafeBufferPointer { buffer throws(VipsError) in
    try body(UnsafeRawBufferPointer(buffer))
  }
}
