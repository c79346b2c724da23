import CVips

/// Images of one size that are shown one after the other.
public struct Animation: WritableFrames {
  /// The formats that hold one; so does AVIF, where libavif is there.
  public static let formats: [Format] = [.webp, .gif]

  private let frames: [ResultImage]
  private let milliseconds: [Int]
  private let loops: Int

  /// - Parameters:
  ///   - frames: with how many milliseconds each is shown; GIF counts in hundredths of a second.
  ///   - loops: how often all are shown; 0: without end.
  /// Throws `invalidArgument` if there is none, or they are not of one size.
  public init(_ frames: [(image: ResultImage, milliseconds: Int)], loops: Int = 0) throws(ImagingError) {
    guard let first = frames.first?.image else {
      throw ImagingError(.invalidArgument, "an animation needs a frame")
    }
    for (index, frame) in frames.enumerated()
    where frame.image.width != first.width || frame.image.height != first.height {
      throw ImagingError(
        .invalidArgument,
        "frame \(index + 1) of an animation is \(frame.image.width)x\(frame.image.height) pixels, "
          + "the first \(first.width)x\(first.height): all must have one size")
    }
    self.frames = frames.map(\.image)
    milliseconds = frames.map(\.milliseconds)
    self.loops = loops
  }

  /// The animation as a file in memory, in sRGB, with the metadata of the first frame's source.
  /// Throws `invalidArgument`, `unsupported`, `tooLarge` or `failed`.
  public func encoded(as format: Format, options: WriteOptions = WriteOptions(), provenance: String? = nil)
    throws(ImagingError) -> EncodedImage
  {
    guard Self.formats.contains(format) || format == .avif && readsAVIFFrames else {
      throw ImagingError(.unsupported, "\(format.title) does not hold an animation: choose WebP or GIF")
    }
    let stacked: ResultImage
    do {
      stacked = ResultImage(
        try stack(), conversion: nil, sourceFormat: frames[0].sourceFormat, sourceName: frames[0].name,
        metadata: frames[0].metadata)
    } catch {
      throw ImagingError(.failed, "the animation cannot be put together: \(error.reason)")
    }
    let timing = FrameTiming(
      height: frames[0].height, milliseconds: milliseconds.map { Int32(clamping: $0) },
      loops: Int32(clamping: loops))
    let file = try stacked.encoded(as: format, options: options, provenance: provenance, frames: timing)
    if frames.contains(where: { $0.native.bitDepth > 8 }) {
      file.add(note: "Animations have 8 bits per channel: rounded.")
    }
    return file
  }

  /// The frames one below the other, all with alpha if one has it.
  private func stack() throws(VipsError) -> NativeImage {
    let hasAlpha = frames.contains { $0.hasAlpha }
    var images: [NativeImage] = []
    for frame in frames {
      let image = try frame.native.srgb8(frame.conversion)
      let needsAlpha = hasAlpha && !frame.hasAlpha
      images.append(needsAlpha ? try NativeImage(cvips_join_constant(image.pointer, 255)) : image)
    }
    let pointers = images.map(\.pointer)
    return try pointers.withUnsafeBufferPointer { buffer throws(VipsError) in
      try NativeImage(cvips_stack(buffer.baseAddress!, Int32(buffer.count))).named(CVIPS_RGB)
    }
  }
}

/// How the rows of an image are frames.
struct FrameTiming {
  /// Rows of each.
  let height: Int
  let milliseconds: [Int32]
  /// How often all are shown; 0: without end.
  let loops: Int32

  /// Only while nobody else has the image.
  func set(on image: NativeImage) {
    cvips_set_frames(image.pointer, Int32(height), milliseconds, Int32(milliseconds.count), loops)
  }
}
