import CVips

/// What a mask's file holds, upright, before it is judged what is meant. The samples are data: no profile is applied.
struct MaskSamples {
  let name: String
  let format: Format
  let width, height: Int
  let pageCount: Int
  /// Without alpha: 1, or 3 for red, green and blue.
  let channels: Int
  /// Interleaved, as the file stores them; CMYK as the red, green and blue that it stands for.
  private(set) var values: [Float]
  /// The sample that stands for white.
  private(set) var white: Float
  /// 0 clear ... 1 opaque; nil: there is none, or it is the same everywhere.
  private(set) var alpha: [Float]?
  /// The colours of a file of indices, and the index of each pixel.
  private(set) var palette: (colours: [[Float]], indices: [UInt8])?
  /// Whether the file was compressed with loss, so that samples are a little off.
  let isLossy: Bool
  private(set) var notes: [String] = []

  var count: Int { width * height }

  /// Throws what `SourceImage.open` throws.
  init(_ file: [UInt8], of input: Input, _ limits: Limits, frame: Int) throws(ImagingError) {
    let name = input.name
    guard let format = Format(of: file) else {
      throw ImagingError(.notAnImage, name, "not a picture that can be read (\(Format.list))")
    }
    let view = try FrameView(file, format, name, frame: frame, input.openedFile)
    let bytes = view.bytes
    (self.name, self.format) = (name, format)
    isLossy = format.isLossy(bytes)
    let stored = try StoredSamples(view, format, name, limits)
    (width, height) = (stored.pixels.width, stored.pixels.height)
    pageCount = view.decoder?.count ?? stored.pages + view.skipped
    let bands = stored.pixels.channels
    let colours = stored.isCMYK ? 4 : bands < 3 ? 1 : 3
    guard bands == colours || bands == colours + 1 else {
      throw ImagingError(.unsupported, name, "it has \(bands) channels; a mask is grey, RGB or CMYK")
    }
    let all = stored.pixels.pixels
    // Samples of 8 and 16 bits are numbers from 0 on.
    guard stored.white > 0 || all.allSatisfy(\.isFinite) else {
      throw ImagingError(.unsupported, name, "it holds values that are not numbers, which a mask cannot")
    }
    func band(_ band: Int) -> [Float] { stride(from: band, to: all.count, by: bands).map { max(all[$0], 0) } }
    if stored.isCMYK {
      channels = 3
      values = [Float](repeating: 0, count: 3 * width * height)
      for at in 0..<width * height {
        let black = 1 - all[at * bands + 3] / stored.white
        for ink in 0..<3 {
          values[3 * at + ink] = max((stored.white - all[at * bands + ink]) * black, 0).rounded()
        }
      }
    } else {
      channels = colours
      values = bands != colours ? [] : stored.white > 0 ? all : all.map { max($0, 0) }
      if values.isEmpty {
        values.reserveCapacity(colours * width * height)
        for at in 0..<width * height {
          for band in 0..<colours { values.append(max(all[at * bands + band], 0)) }
        }
      }
    }
    // Numbers from 0 on are ordered as their bits are.
    let largest = Float(bitPattern: values.reduce(0) { max($0, $1.bitPattern) })
    white = largest <= 255 && stored.white > 255 ? 255 : stored.white
    // The type of the others does not tell what is white.
    if stored.white == 0 { white = largest <= 1 ? 1 : largest <= 255 ? 255 : max(largest, 65535) }
    if bands > colours {
      let opacity = band(colours)
      let most = stored.white > 0 ? stored.white : (opacity.max() ?? 0) <= 1 ? 1 : white
      if let first = opacity.first, opacity.contains(where: { $0 != first }) {
        alpha = opacity.map { min($0 / most, 1) }
      }
    }
    // Later frames of an animation may have tables of their own.
    if view.frame == 0, let indexed = IndexedFile(bytes, format) {
      let ramp = try StoredSamples(FrameView(indexed.ramp), format, name, limits).pixels
      if (ramp.width, ramp.height) == (width, height) {
        let step = ramp.channels
        palette = (indexed.colours, (0..<count).map { UInt8(min(max(ramp.pixels[$0 * step], 0), 255)) })
      }
    }
    if format == .tiff, let tags = FirstTIFFDirectory(bytes), tags.number(262) == 0,
      tags.number(258) ?? 1 == 1,
      tags.text(305)?.contains("tifffile") == true || tags.text(270)?.hasPrefix("{\"shape\"") == true
    {
      values = values.map { white - $0 }
      notes.append(
        "its bits of 1 are what is marked, as NumPy's True is written, though the file calls them black")
    }
  }

  /// Whether the colours are greys but for what compression does to them.
  var isGrey: Bool { isGrey { _ in true } }

  /// Whether that holds for some of the pixels.
  func isGrey(where counts: (Int) -> Bool) -> Bool {
    if channels == 1 { return true }
    let reach = (isLossy ? 40 : 6) * white / 255
    return (0..<count).allSatisfy { pixel in
      let (red, green, blue) = (values[3 * pixel], values[3 * pixel + 1], values[3 * pixel + 2])
      return max(red, green, blue) - min(red, green, blue) <= reach || !counts(pixel)
    }
  }

  /// The largest sample of each pixel.
  var brightness: [Float] {
    if channels == 1 { return values }
    return stride(from: 0, to: values.count, by: 3).map { max(values[$0], values[$0 + 1], values[$0 + 2]) }
  }

  /// The colours, 0...255.
  var colours: ColourMask {
    let scale = 255 / white
    let levels =
      channels == 3 ? values.map { $0 * scale } : values.flatMap { [$0 * scale, $0 * scale, $0 * scale] }
    return ColourMask(name: name, width: width, height: height, values: levels, isLossy: isLossy)
  }
}

extension Format {
  fileprivate func isLossy(_ bytes: [UInt8]) -> Bool {
    switch self {
    case .jpeg, .avif, .heic, .jp2, .jxl: true
    case .webp: bytes.prefix(1 << 16).first(of: "VP8L") == nil
    case .png, .tiff, .gif, .ppm, .bmp, .tga, .psd, .raw: false
    }
  }
}

/// All samples of a file as they are stored, upright.
private struct StoredSamples {
  let pixels: FloatImage
  /// What stands for white; 0 where the type does not tell.
  let white: Float
  let isCMYK: Bool
  let pages: Int

  init(_ view: FrameView, _ format: Format, _ name: String, _ limits: Limits) throws(ImagingError) {
    let bytes = view.bytes
    if format.native == nil {
      let bitmap = try Bitmap(bytes, format, name: name, limits)
      pixels = bitmap.samples
      (white, isCMYK, pages) = (bitmap.isWide ? 65535 : 255, bitmap.isCMYK, 1)
      return
    }
    if let size = view.size { try limits.check(width: size.width, height: size.height, name: name) }
    let wide = format == .tiff ? WideTIFF(bytes) : nil
    self = try (wide?.halves ?? bytes).withUnsafeBytes { raw -> Result<StoredSamples, ImagingError> in
      do throws(VipsError) {
        cvips_free(cvips_take_error())
        let lazy = try view.lazyPicture(raw, format)
        do throws(ImagingError) {
          try limits.check(width: lazy.width, height: lazy.height, name: name)
        } catch {
          return .failure(error)
        }
        return .success(try StoredSamples(lazy, wide))
      } catch {
        return .failure(decoderFailure(error.reason, format, name))
      }
    }
    .get()
  }

  private init(_ lazy: NativeImage, _ wide: WideTIFF?) throws(VipsError) {
    pages = Int(lazy.header.pages)
    var stored = try lazy.inMemory()
    if stored.header.orientation > 1 { stored = try stored.upright() }
    if let wide, stored.bands == 2 {
      (white, isCMYK) = (0, false)
      pixels = FloatImage(
        width: stored.width, height: stored.height, channels: 1,
        pixels: wide.joined(try stored.values(UInt32.self)))
      return
    }
    // Lab and the like have colours only once they are converted; linear RGB is as good as any.
    if stored.header.space == CVIPS_CONVERTIBLE, stored.text("interpretation")?.contains("scRGB") != true {
      stored = try NativeImage(cvips_converted(stored.pointer))
    }
    white =
      switch stored.header.type {
      case CVIPS_UINT8: 255
      case CVIPS_UINT16: 65535
      default: 0
      }
    isCMYK = stored.header.space == CVIPS_CMYK && white > 0
    pixels = try stored.asFloats().floats()
  }
}
