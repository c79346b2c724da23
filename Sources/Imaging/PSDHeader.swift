/// The parts of a Photoshop file (PSD, or PSB for large ones) before its flattened picture.
struct PSDHeader {
  enum Mode: Int {
    case grey = 1
    case rgb = 3
    case cmyk = 4
    case duotone = 8

    /// Channels without alpha; a duotone is stored as grey.
    var channels: Int {
      switch self {
      case .grey, .duotone: 1
      case .rgb: 3
      case .cmyk: 4
      }
    }
  }

  let width, height: Int
  let channels, depth: Int
  /// nil: it is not read.
  let mode: Mode?
  /// Whether lengths take 8 bytes, those of rows 4.
  let isLarge: Bool
  let resources: [PhotoshopResource]
  let hasLayers: Bool
  /// Whether the first channel behind the colours is the transparency of the picture.
  let hasTransparency: Bool
  /// Where the flattened picture begins.
  let picture: Int

  /// nil: it is damaged.
  init?(_ bytes: [UInt8]) {
    func number(_ at: Int, _ size: Int) -> Int? { bytes.number(at: at, size: size, bigEndian: true) }
    guard bytes.has("8BPS", at: 0), let version = number(4, 2), version == 1 || version == 2,
      let channels = number(12, 2), let height = number(14, 4), let width = number(18, 4),
      let depth = number(22, 2), let mode = number(24, 2), let colours = number(26, 4),
      (1...56).contains(channels), (1...300_000).contains(width), (1...300_000).contains(height),
      let resourceSize = number(30 + colours, 4),
      let block = bytes.part(34 + colours, resourceSize)
    else { return nil }
    (self.width, self.height, self.channels, self.depth) = (width, height, channels, depth)
    self.mode = Mode(rawValue: mode)
    isLarge = version == 2
    resources = PhotoshopResource.all(in: block)
    let lengthSize = isLarge ? 8 : 4
    let layers = 34 + colours + resourceSize + lengthSize
    guard let size = number(layers - lengthSize, lengthSize), size <= bytes.count - layers else { return nil }
    picture = layers + size
    let count = PSDLayerCount(bytes, layers..<picture, lengthSize)
    (hasLayers, hasTransparency) = (count.value != 0, count.value < 0)
  }

  /// Whether the flattened picture is one: Photoshop may leave it blank to save space.
  var hasPicture: Bool {
    // Version information: a number of 4 bytes, then whether there is real merged data.
    resources.first { $0.number == 1057 }.map { $0.data.count < 5 || $0.data[4] != 0 } ?? true
  }
}

/// The number of layers, below 0 where the flattened picture has their transparency.
private struct PSDLayerCount {
  private(set) var value = 0

  /// - Parameter section: that of layers and masks.
  init(_ bytes: [UInt8], _ section: Range<Int>, _ lengthSize: Int) {
    guard let size = bytes.number(at: section.lowerBound, size: lengthSize, bigEndian: true) else { return }
    if size > 0 {
      read(bytes, section.lowerBound + lengthSize, section)
      return
    }
    // With more than 8 bits, they are in a block of their own behind the masks.
    let masks = section.lowerBound + lengthSize
    guard section.contains(masks), let skipped = bytes.number(at: masks, size: 4, bigEndian: true) else {
      return
    }
    var at = masks + 4 + skipped
    while at <= section.upperBound - 12, bytes.has("8BIM", at: at) || bytes.has("8B64", at: at) {
      let isLayers = bytes.has("Lr16", at: at + 4) || bytes.has("Layr", at: at + 4)
      // Those with lengths of 8 bytes in large files.
      let isLong =
        lengthSize == 8
        && [
          "LMsk", "Lr16", "Lr32", "Layr", "Mt16", "Mt32", "Mtrn", "Alph", "FMsk", "lnk2", "FEid", "FXid",
          "PxSD",
        ]
        .contains { bytes.has($0, at: at + 4) }
      guard let length = bytes.number(at: at + 8, size: isLong ? 8 : 4, bigEndian: true),
        length < section.count
      else { return }
      at += isLong ? 16 : 12
      if isLayers {
        read(bytes, at, section)
        return
      }
      at += (length + 3) / 4 * 4
    }
  }

  private mutating func read(_ bytes: [UInt8], _ at: Int, _ section: Range<Int>) {
    guard at + 2 <= section.upperBound, let count = bytes.number(at: at, size: 2, bigEndian: true) else {
      return
    }
    value = Int(Int16(truncatingIfNeeded: count))
  }
}
