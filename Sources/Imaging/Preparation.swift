import CVips

/// Turns an image into one that a format can hold, and notes what that costs.
struct Preparation {
  let format: Format
  let options: WriteOptions
  let conversion: ColourConversion?
  let coding: FileCoding
  private(set) var notes: [String] = []
  private(set) var fileDepth = 8

  init(format: Format, options: WriteOptions, conversion: ColourConversion?, coding: FileCoding) {
    self.format = format
    self.options = options
    self.conversion = conversion
    self.coding = coding
  }

  /// - Parameter others: the samples beside colour and alpha, if there are any.
  mutating func prepared(_ image: NativeImage, others: NativeImage?) throws(VipsError) -> NativeImage {
    noteIgnoredOptions()
    if case .plainCMYK = conversion?.method {
      notes.append(
        "The CMYK colours of the source have no profile: they were taken as plain viewers show them, and print may "
          + "differ.")
    }
    var image = try withIntegers(image)
    image = try withColours(image)
    image = try withoutUnheldAlpha(image)
    if let others, format == .tiff { image = try image.joined(others).named(image.header.space) }
    image = try withDepth(image).copy()
    // All else is written into the file that is encoded.
    dropMetadata(of: image)
    if !format.holdsProfile { image.remove(profileField) }
    return image
  }

  private mutating func noteIgnoredOptions() {
    if options.quality != nil, format.isAlwaysLossless || format == .gif {
      notes.append("\(format.title) has no quality setting: it was ignored.")
    }
    if options.lossless, !format.isAlwaysLossless, !format.hasLosslessMode {
      notes.append("\(format.title) has no lossless mode.")
    }
    if options.lossless, format == .avif || format == .heic {
      notes.append("Lossless \(format.title) is made from YCbCr: values may change by 2 of 255.")
    }
  }

  /// Floats stay where they can; only TIFF holds them.
  private mutating func withIntegers(_ image: NativeImage) throws(VipsError) -> NativeImage {
    if image.bitDepth < 32 || format.holdsFloats && options.bitDepth == nil { return image }
    return try image.integers()
  }

  private mutating func withColours(_ image: NativeImage) throws(VipsError) -> NativeImage {
    let isCMYK = image.header.space == CVIPS_CMYK
    let isGrey = image.header.space == CVIPS_GREY
    let method = conversion?.method ?? .direct
    let mustConvert =
      isCMYK && !format.holdsCMYK
      || !method.isDirect && (!format.holdsProfile || isGrey && !format.holdsGrey)
    guard let conversion, mustConvert else {
      // A grey profile beside RGB pixels would be invalid.
      guard isGrey, !format.holdsGrey, image.blob(profileField) != nil else { return image }
      let bare = try image.copy()
      bare.remove(profileField)
      return bare
    }
    notes.append("\(format.title) does not hold the colour space of the source: converted to sRGB.")
    let depth = image.header.type == CVIPS_UINT16 ? 16 : 8
    let colourBands = image.colourBands
    let colours = try conversion.toSRGB(image.bands(0..<colourBands), depth: depth)
    let all =
      image.bands > colourBands
      ? try colours.joined(image.bands(colourBands..<image.bands)) : colours
    let converted = try all.named(CVIPS_RGB).copy()
    converted.remove(profileField)
    return converted
  }

  private mutating func withoutUnheldAlpha(_ image: NativeImage) throws(VipsError) -> NativeImage {
    guard image.bands > image.colourBands, !format.holdsAlpha else { return image }
    notes.append("\(format.title) does not hold transparency: blended with white.")
    let white = image.header.space == CVIPS_CMYK ? 0.0 : image.most
    let space = image.header.space
    return try NativeImage(cvips_flatten(image.pointer, white)).named(space)
  }

  private mutating func withDepth(_ image: NativeImage) throws(VipsError) -> NativeImage {
    let native = image.bitDepth
    if native == 32 {
      fileDepth = 32
      return image
    }
    if coding.bilevel != nil, options.keepsBilevel, options.bitDepth == nil, format.holdsBilevel,
      image.bands == 1, native == 8
    {
      fileDepth = 1
      if try image.values(UInt8.self).contains(where: { $0 != 0 && $0 != 255 }) {
        notes.append(
          "As in the source each pixel is black or white; --bit-depth 8 keeps the greys of the result.")
      }
      return try image.rescaled(1 / 255.0, to: CVIPS_UINT8).rescaled(255, to: CVIPS_UINT8)
        .named(image.header.space)
    }
    fileDepth = format.fileDepth(wanted: options.bitDepth ?? coding.depth(in: format), native: native)
    if let wanted = options.bitDepth, wanted != fileDepth {
      notes.append("\(format.title) does not hold \(wanted) bits per channel: \(fileDepth) were written.")
    } else if options.bitDepth == nil, fileDepth < native, fileDepth != coding.depth(in: format) {
      notes.append("\(format.title) does not hold \(native) bits per channel: rounded to \(fileDepth).")
    }
    // The encoders of 10 and 12 bits take 16.
    let needed = fileDepth > 8 ? 16 : 8
    if needed == native { return image }
    let space = image.header.space
    let scaled =
      needed == 16
      ? try image.rescaled(257, to: CVIPS_UINT16) : try image.rescaled(1 / 257.0, to: CVIPS_UINT8)
    return try scaled.named(space)
  }
}
