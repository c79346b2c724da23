import CVips

/// How the user says that a mask is to be read, and the judgement of what it means where nothing is said.
public struct MaskReading: Sendable, Equatable {
  /// The labels that are marked: indices of a palette, or grey levels; empty: all but 0, in a mask of labels.
  public var labels: [Int]
  /// The colours that are marked; empty: they are judged.
  public var colours: [NamedColour]

  public init(labels: [Int] = [], colours: [NamedColour] = []) {
    (self.labels, self.colours) = (labels, colours)
  }

  /// Reads a mask as an image of 1 channel and 16 bits, white where it marks, and what the user should know of how it
  /// was read: sentences without their subject, the file.
  ///
  /// - Parameters:
  ///   - frame: of a file that has several, from 0 on.
  ///   - digest: whether to compute the SHA-256 of the file.
  /// Throws what `SourceImage.open` throws, and `ambiguous` where it cannot be told what is marked.
  public func open(_ input: Input, limits: Limits = Limits(), frame: Int = 0, digest: Bool = false)
    throws(ImagingError) -> (mask: SourceImage, notes: [String])
  {
    let bytes = try input.read(limits)
    try Imaging.load()
    let samples = try MaskSamples(bytes, of: input, limits, frame: frame)
    let (plane, notes) = try judged(samples)
    do {
      let image = FloatImage(width: samples.width, height: samples.height, channels: 1, pixels: plane)
      let pixels = try image.withNative { floats throws(VipsError) in
        try floats.rescaled(65535, to: CVIPS_UINT16).named(CVIPS_GREY).inMemory()
      }
      let mask = try SourceImage(
        pixels, name: samples.name, format: samples.format, digest: digest ? input.digest(of: bytes) : nil,
        pageCount: samples.pageCount)
      return (mask, samples.notes + notes)
    } catch let error as ImagingError {
      throw error
    } catch {
      throw ImagingError(.failed, samples.name, "\(error)")
    }
  }

  private func judged(_ samples: MaskSamples) throws(ImagingError) -> GreyMask.Reading {
    if !labels.isEmpty { return (try labelled(samples), []) }
    func grey(_ levels: [Float], _ notes: [String], _ kind: GreyMask.Kind) -> GreyMask.Reading {
      let reading = GreyMask(
        levels, width: samples.width, height: samples.height, white: kind == .greys ? samples.white : 255,
        isLossy: samples.isLossy, kind: kind
      ).read()
      return (reading.plane, notes + reading.notes)
    }
    if !colours.isEmpty {
      var (levels, notes) = try samples.colours.read(colours)
      if let alpha = samples.alpha { for pixel in levels.indices { levels[pixel] *= alpha[pixel] } }
      return grey(levels, notes, .alpha)
    }
    if let alpha = AlphaMask(samples) {
      let (levels, notes) = alpha.read()
      return grey(levels, notes, .alpha)
    }
    if let palette = LabelPalette(samples) { return palette.read() }
    if samples.isGrey { return grey(samples.brightness, [], .greys) }
    let (levels, notes) = try samples.colours.read()
    return grey(levels, notes, .colours)
  }

  private func labelled(_ samples: MaskSamples) throws(ImagingError) -> [Float] {
    let values = samples.palette.map { $0.indices.map(Float.init) } ?? samples.brightness
    guard samples.palette != nil || samples.isGrey else {
      throw ImagingError(
        .ambiguous, samples.name,
        "the mask has colours and no labels; name a colour with --mask-colour instead")
    }
    let wanted = Set(labels.map(Float.init))
    let plane = values.map { wanted.contains($0) ? Float(1) : 0 }
    if plane.contains(1) { return plane }
    let found = Set(values).sorted().prefix(9).map { value in
      Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }
    throw ImagingError(
      .ambiguous, samples.name,
      "the mask has no label \(LabelText.list(labels.map(String.init))); it has \(LabelText.list(found))")
  }
}

/// What a mask tells that `MaskReading` opened.
extension SourceImage {
  /// What it marks, 1 channel, 1 where it marks. Throws `failed`.
  public func marks() throws(ImagingError) -> FloatImage {
    try reading { () throws(VipsError) in try native.bands(0..<1).floats() }
  }

  /// Writes the same, width · height floats, without a copy of them between.
  public func readMarks(into floats: UnsafeMutablePointer<Float>) throws(ImagingError) {
    try reading { () throws(VipsError) in try native.bands(0..<1).read(into: floats) }
  }

  /// How much it marks. Throws `failed`.
  public func markedExtent() throws(ImagingError) -> MaskExtent {
    try reading { () throws(VipsError) in
      let values = try native.bands(0..<1).values(UInt16.self)
      return MaskExtent(marked: values.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }, total: values.count)
    }
  }
}
