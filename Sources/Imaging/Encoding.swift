import CVips

/// The bytes of a file, and what was lost in making it.
public final class EncodedImage: @unchecked Sendable {
  public let format: Format
  /// Sentences for the user: alpha that was flattened, depth that was reduced, ...
  public let notes: [String]

  /// The size of the file.
  public let count: Int

  private let pointer: UnsafeMutableRawPointer

  init(_ pointer: UnsafeMutableRawPointer, count: Int, format: Format, notes: [String]) {
    self.pointer = pointer
    self.count = count
    self.format = format
    self.notes = notes
  }

  deinit { cvips_free(pointer) }

  /// The same with more bytes at a place inside.
  func inserting(_ extra: [UInt8], at place: Int) -> EncodedImage {
    guard let memory = cvips_allocate(count + extra.count) else { return self }
    withUnsafeBytes { old in
      memory.copyMemory(from: old.baseAddress!, byteCount: place)
      (memory + place + extra.count).copyMemory(from: old.baseAddress! + place, byteCount: count - place)
    }
    extra.withUnsafeBytes { (memory + place).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    return EncodedImage(memory, count: count + extra.count, format: format, notes: notes)
  }

  /// A copy of the bytes.
  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// Calls body with the bytes, which are not copied.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(start: pointer, count: count))
  }
}

extension ResultImage {
  /// The image as a file in memory, with the metadata of its source.
  ///
  /// What the format does not hold is changed, and a note says so: alpha is blended with white (JPEG, PPM),
  /// CMYK becomes sRGB (all but JPEG and TIFF), colours are converted to sRGB where no profile can be
  /// stored (GIF, PPM), 16 bits are rounded to what there is.
  /// - Parameter provenance: text, such as JSON, that `SourceImage.provenance` will give back. It replaces
  ///   what the source had; nil keeps that, unless metadata is stripped.
  /// Throws `invalidArgument`, `unsupported`, `tooLarge` or `failed`.
  public func encoded(as format: Format, options: WriteOptions = WriteOptions(), provenance: String? = nil)
    throws(ImagingError) -> EncodedImage
  {
    try encoded(as: format, options: options, provenance: provenance, frames: nil)
  }

  /// - Parameter frames: how the rows of this image are frames of an animation; nil: they are not.
  func encoded(as format: Format, options: WriteOptions, provenance: String?, frames: FrameTiming?)
    throws(ImagingError) -> EncodedImage
  {
    try options.check()
    let height = frames?.height ?? height
    if max(width, height) > format.largestSide {
      throw ImagingError(
        .tooLarge,
        "\(width) x \(height) pixels are more than \(format.title) holds (\(format.largestSide) along a side): "
          + "choose another format")
    }
    guard let encoder = format.native else {
      throw ImagingError(.unsupported, "\(format.title) is read and not written: choose another format")
    }
    var preparation = Preparation(format: format, options: options, conversion: conversion)
    do throws(VipsError) {
      let image = try preparation.prepared(native, provenance: provenance)
      frames?.set(on: image)
      let depth = preparation.fileDepth
      var encoding = cvips_encoding()
      encoding.quality = Int32(options.quality ?? -1)
      encoding.effort = Int32(options.effort ?? -1)
      encoding.lossless = options.lossless
      encoding.bit_depth = Int32(depth)
      cvips_free(cvips_take_error())
      var count = 0
      guard let bytes = cvips_encode(image.pointer, encoder, encoding, &count) else {
        throw VipsError()
      }
      let file = EncodedImage(bytes, count: count, format: format, notes: preparation.notes)
      return switch (format, preparation.packet) {
      case (.gif, let packet?): withXMP(packet, inGIF: file)
      case (.png, let packet?): withXMP(packet, inPNG: file)
      default: file
      }
    } catch {
      throw encoderFailure(error.reason, format)
    }
  }
}

private func encoderFailure(_ reason: String, _ format: Format) -> ImagingError {
  let missing = ["Unsupported compression", "not found", "nsupported codec", "No encoder"]
  if missing.contains(where: reason.contains) {
    return ImagingError(
      .unsupported, "\(format.title) cannot be written with this libvips: choose another format (\(reason))")
  }
  return ImagingError(.failed, "the \(format.title) file cannot be made: \(reason)")
}
