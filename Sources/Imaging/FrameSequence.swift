/// What was made of each frame of a file, to be one file again: an animation, or the pages of a TIFF file.
public struct FrameSequence: WritableFrames {
  private let frames: [ResultImage]
  private let times: FrameTimes?

  /// The formats that hold one; pages, which no time is known of, are held by TIFF alone.
  public static func formats(areTimed: Bool) -> [Format] {
    guard areTimed else { return [.tiff] }
    return readsAVIFFrames ? [.gif, .webp, .avif, .tiff] : [.gif, .webp, .tiff]
  }

  /// - Parameters:
  ///   - frames: one or more.
  ///   - times: nil: they are pages.
  public init(_ frames: [ResultImage], times: FrameTimes?) {
    (self.frames, self.times) = (frames, times)
  }

  /// Throws `invalidArgument`, `unsupported`, `tooLarge` or `failed`.
  public func encoded(as format: Format, options: WriteOptions = WriteOptions(), provenance: String? = nil)
    throws(ImagingError) -> EncodedImage
  {
    if format == .tiff { return try pages(options, provenance) }
    guard let times else {
      throw ImagingError(.unsupported, "\(format.title) does not hold pages: choose TIFF")
    }
    let timed = frames.enumerated().map { ($1, times.milliseconds(ofFrame: $0)) }
    return try Animation(timed, loops: times.loops).encoded(
      as: format, options: options, provenance: provenance)
  }

  /// Each page has the metadata of its own; how they were made stands in the first.
  private func pages(_ options: WriteOptions, _ provenance: String?) throws(ImagingError) -> EncodedImage {
    let first = try frames[0].asPage.encoded(as: .tiff, options: options, provenance: provenance)
    for frame in frames.dropFirst() {
      let page = try frame.asPage.encoded(as: .tiff, options: options)
      for note in page.notes where !first.notes.contains(note) { first.add(note: note) }
      try first.append(page: page)
    }
    if times != nil { first.add(note: "TIFF does not hold how long frames are shown: they became pages.") }
    return first
  }
}

extension ResultImage {
  /// As it is among all pages of its file: what the first says of all stays true. Numbers are little-endian, so that
  /// pages go together.
  fileprivate var asPage: ResultImage {
    var metadata = metadata
    metadata.pages = 1
    metadata.exif = metadata.exif?.inByteOrder(bigEndian: false)
    return ResultImage(
      native, conversion: conversion, sourceFormat: sourceFormat, sourceName: name, metadata: metadata,
      coding: coding, others: others)
  }
}
