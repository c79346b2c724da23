import CVips
import Glibc

/// The bytes of a file, and what was lost in making it.
public final class EncodedImage: @unchecked Sendable {
  public let format: Format
  /// Sentences for the user: alpha that was flattened, depth that was reduced, ...
  public private(set) var notes: [String]

  /// The size of the file.
  public private(set) var count: Int

  private var pointer: UnsafeMutableRawPointer

  init(_ pointer: UnsafeMutableRawPointer, count: Int, format: Format, notes: [String]) {
    self.pointer = pointer
    self.count = count
    self.format = format
    self.notes = notes
  }

  deinit { cvips_free(pointer) }

  /// Puts other bytes in place of some. Only while nobody else has the file. Throws `failed` without memory.
  func replace(_ range: Range<Int>, with new: [UInt8]) throws(ImagingError) {
    let rest = count - range.upperBound
    let newCount = count - range.count + new.count
    if newCount > count {
      // Large memory is moved by its pages, not copied.
      guard let grown = cvips_reallocate(pointer, newCount) else {
        throw ImagingError(.failed, "there is not enough memory for the \(format.title) file")
      }
      pointer = grown
    }
    memmove(pointer + range.lowerBound + new.count, pointer + range.upperBound, rest)
    new.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { memcpy(pointer + range.lowerBound, start, bytes.count) }
    }
    count = newCount
  }

  /// Only while nobody else has the file.
  func add(note: String) { notes.append(note) }

  /// Calls body with the bytes, to be changed. Only while nobody else has the file.
  func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    body(UnsafeMutableRawBufferPointer(start: pointer, count: count))
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
  ///
  /// A JPEG file that is made from one is like it (`JPEGSource.file`): what did not change keeps its very coefficients.
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
    try format.check(width: width, height: frames?.height ?? height)
    guard format.isWritten, let encoder = format.native else {
      throw ImagingError(.unsupported, "\(format.title) is read and not written: choose another format")
    }
    var metadata = options.stripMetadata ? metadata.stripped : metadata
    var preparation = Preparation(
      format: format, options: options, conversion: conversion, coding: coding)
    let file: EncodedImage
    do throws(VipsError) {
      let image = try preparation.prepared(native, others: others)
      frames?.set(on: image)
      let like =
        format == .jpeg && frames == nil
        ? jpeg?.file(of: image, quality: options.quality, holdsOrientation: metadata.holdsOrientation) : nil
      metadata.fit(
        format, width: width, height: frames?.height ?? height, orientation: like?.orientation ?? 1)
      if others != nil, format != .tiff { metadata.lose("the samples beside colour (infrared and the like)") }
      var notes = preparation.notes
      if let provenance {
        if format.holdsXMP {
          metadata.xmp = xmp(metadata.xmp, with: provenance)
        } else {
          notes.append("\(format.title) does not hold text: the provenance was not stored.")
        }
      }
      metadata.hasAlpha = native.bands > native.colourBands
      if format == .avif || format == .heic { metadata.setPlaceholders(on: image) }
      let avif = AVIFEncoding(
        coding: coding, options: options, depth: preparation.fileDepth, frames: frames)
      if format == .avif, let frames { notes += avif.notes(of: frames) }
      let (bytes, count) =
        if let like {
          (like.bytes, like.count)
        } else if format == .avif, avif.isWanted {
          try avif.encoded(image, exif: (metadata.exif ?? metadata.exifOfDensity)?.bytes, xmp: metadata.xmp)
        } else if format == .ppm, preparation.fileDepth == 1 {
          try encodedBitmap(image)
        } else {
          try encodedByVips(image, encoder, options, preparation.fileDepth, coding.bilevel)
        }
      notes += [metadata.note(format)].compactMap(\.self)
      file = EncodedImage(bytes, count: count, format: format, notes: notes)
    } catch {
      throw encoderFailure(error.reason, format)
    }
    // The encoder has put them where the tracks of an animation have them.
    if format == .avif, frames != nil { return file }
    do {
      try metadata.write(into: file)
    } catch  where error.kind == .unsupported {
      file.add(note: error.description)
    }
    try coding.write(into: file)
    return file
  }
}

/// The bytes of a file, made by libvips.
private func encodedByVips(
  _ image: NativeImage, _ encoder: cvips_format, _ options: WriteOptions, _ depth: Int, _ bilevel: Bilevel?
)
  throws(VipsError) -> (UnsafeMutableRawPointer, count: Int)
{
  var encoding = cvips_encoding()
  encoding.quality = Int32(options.quality ?? -1)
  encoding.effort = Int32(options.effort ?? -1)
  encoding.lossless = options.lossless
  encoding.bit_depth = Int32(depth)
  if let bilevel {
    (encoding.compression, encoding.white_is_zero) = (bilevel.compression, bilevel.isWhiteZero)
  }
  cvips_free(cvips_take_error())
  var count = 0
  guard let bytes = cvips_encode(image.pointer, encoder, encoding, &count) else { throw VipsError() }
  return (bytes, count)
}

/// The bytes of a PBM file (P4) of 0 and 255. libvips 8.14 misplaces the last pixels of rows that do not fill their bytes.
private func encodedBitmap(_ image: NativeImage) throws(VipsError) -> (UnsafeMutableRawPointer, count: Int) {
  let levels = try image.values(UInt8.self)
  var file = Array("P4\n\(image.width) \(image.height)\n".utf8)
  for row in stride(from: 0, to: levels.count, by: image.width) {
    for start in stride(from: 0, to: image.width, by: 8) {
      var byte: UInt8 = 0
      for x in start..<min(start + 8, image.width) where levels[row + x] == 0 {
        byte |= 0x80 >> UInt8(x - start)
      }
      file.append(byte)
    }
  }
  guard let bytes = cvips_reallocate(nil, file.count) else { throw VipsError() }
  file.withUnsafeBytes { _ = memcpy(bytes, $0.baseAddress!, $0.count) }
  return (bytes, file.count)
}

private func encoderFailure(_ reason: String, _ format: Format) -> ImagingError {
  let missing = ["Unsupported compression", "not found", "nsupported codec", "No encoder"]
  if missing.contains(where: reason.contains) {
    return ImagingError(
      .unsupported, "\(format.title) cannot be written with this libvips: choose another format (\(reason))")
  }
  return ImagingError(.failed, "the \(format.title) file cannot be made: \(reason)")
}
