/// What the samples of a TIFF file beside colour are.
struct TIFFSamples: Sendable {
  /// As the file names them: 1 and 2 are alpha, by which colours are multiplied or not, 0 is anything. nil: not at all.
  var extra: [Int]?
  /// Whether the file calls its first sample grey and the others extra, however many they are.
  var isGrey = false
  /// Bits of a sample; nil: not known.
  var bits: Int?

  /// Which of the last `count` samples is alpha, or nil. A single one that is not named is.
  func alphaIndex(ofLast count: Int) -> Int? {
    guard let extra else { return count == 1 ? 0 : nil }
    return Array(extra.suffix(count)).firstIndex { $0 == 1 || $0 == 2 }
  }

  /// The names for a file with alpha or not, and then so many of the others. libvips has divided colours by alpha
  /// where they were multiplied.
  func names(hasAlpha: Bool, others: Int) -> [Int] {
    let rest = (extra ?? []).filter { $0 != 1 && $0 != 2 }.suffix(others)
    return (hasAlpha ? [2] : []) + [Int](repeating: 0, count: others - rest.count) + rest
  }
}

extension TIFFSamples {
  init(_ file: [UInt8]) {
    guard let header = TIFFHeader(file), let first = TIFFDirectory(file, header, at: header.firstDirectory)
    else { return }
    func numbers(_ tag: Int) -> [Int]? {
      first[tag].map { field in
        (0..<min(field.count, 65536)).compactMap { file.number(field, $0, bigEndian: header.isBigEndian) }
      }
    }
    bits = numbers(TIFFTag.bitsPerSample)?.max()
    extra = numbers(TIFFTag.extraSamples)
    isGrey = numbers(TIFFTag.photometric) == [1]
  }

  /// Colours with alpha, if there is any, and the other samples, if there are any.
  func split(_ image: NativeImage) throws(VipsError) -> (native: NativeImage, others: NativeImage?) {
    let colours = image.colourBands
    let count = image.bands - colours
    let alpha = alphaIndex(ofLast: count)
    if count == (alpha == nil ? 0 : 1) { return (image, nil) }
    var native = try image.bands(0..<colours)
    var others: NativeImage?
    for index in 0..<count {
      let band = try image.bands(colours + index..<colours + index + 1)
      if index == alpha {
        native = try native.joined(band)
      } else {
        others = try others?.joined(band) ?? band
      }
    }
    return (try native.named(image.header.space).inMemory(), try others?.inMemory())
  }
}
