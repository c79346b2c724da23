import CVips

extension Format {
  /// Whether each frame or page of a file can be read.
  public var hasReadableFrames: Bool {
    [.gif, .webp, .tiff].contains(self) || self == .avif && readsAVIFFrames
  }
}

/// A file as a decoder is to be given it, so that one of its frames is what is read.
struct FrameView {
  /// The file's bytes. Those of a TIFF file name the page as its first.
  private(set) var bytes: [UInt8]
  /// What the decoder is asked for, from 0 on.
  private(set) var frame = 0
  /// Pages of the file that `bytes` no longer has.
  private(set) var skipped = 0
  /// What decodes the frame in the place of the format's usual decoder.
  private(set) var decoder: FrameDecoder?

  /// - Parameters:
  ///   - frame: from 0 on.
  ///   - opened: the file, if it is opened for each of its frames.
  /// Throws `invalidArgument` where there is no such frame.
  init(
    _ file: [UInt8], _ format: Format, _ name: String, frame: Int, _ opened: OpenedFile?
  ) throws(ImagingError) {
    bytes = file
    // libheif does not know the frames of AVIF.
    decoder = opened?.decoder ?? (format == .avif ? FrameDecoder(file, format) : nil)
    if frame == 0 { return }
    guard format.hasReadableFrames else {
      throw ImagingError(
        .invalidArgument, name,
        "of a \(format.title) file only one picture is read, so there is no frame \(frame + 1); "
          + "of GIF, WebP, AVIF and TIFF each is")
    }
    func check(_ count: Int) throws(ImagingError) {
      guard frame >= count else { return }
      throw ImagingError(
        .invalidArgument, name,
        "it has \(count) \(count == 1 ? "frame" : "frames or pages"), so there is no frame \(frame + 1)")
    }
    if format == .tiff {
      let pages = TIFFPages(file)
      try check(pages.places.count)
      (bytes, skipped) = (pages.file(beginningAt: frame), frame)
    } else if let decoder {
      try check(decoder.count)
      self.frame = frame
    } else if format == .avif {
      try check(1)
    } else {
      let count = file.withUnsafeBytes { raw in
        (try? NativeImage(cvips_decode(format.native!, raw.baseAddress!, raw.count)))?.header.pages
      }
      // Without a number the decoder says what is wrong.
      if let count { try check(Int(count)) }
      self.frame = frame
    }
  }
}

extension FrameView {
  /// The first picture of a file.
  init(_ file: [UInt8]) { bytes = file }

  /// The picture, whose pixels may be decoded only when they are read.
  /// - Parameter raw: `bytes`, which stay where they are until then.
  func lazyPicture(_ raw: UnsafeRawBufferPointer, _ format: Format) throws(VipsError) -> NativeImage {
    if let decoder { return try decoder.frame(frame) }
    return try NativeImage(cvips_decode_frame(format.native!, raw.baseAddress!, raw.count, Int32(frame)))
  }

  /// Pixels across and down, where they are known before anything is decoded.
  var size: (width: Int, height: Int)? { decoder.map { ($0.width, $0.height) } }
}

/// Where the directories of a TIFF file are that are its pages.
struct TIFFPages {
  private let file: [UInt8]
  private let header: TIFFHeader?
  let places: [Int]

  init(_ file: [UInt8]) {
    self.file = file
    header = TIFFHeader(file)
    var places: [Int] = []
    var seen: Set<Int> = []
    var place = header?.firstDirectory ?? 0
    while place != 0, seen.insert(place).inserted, let header,
      let directory = TIFFDirectory(file, header, at: place)
    {
      places.append(place)
      place = directory.next
    }
    self.places = places
  }

  /// The file with this page, one of `places`, as its first.
  func file(beginningAt page: Int) -> [UInt8] {
    var bytes = file
    let (at, size) = header?.isBigTIFF == true ? (8, 8) : (4, 4)
    bytes.set(places[page], at: at, size: size, bigEndian: header?.isBigEndian == true)
    return bytes
  }
}
