/// The flattened picture of a Photoshop file: grey, RGB or CMYK in 8 or 16 bits, as it is or packed.
struct PSDFile {
  let bitmap: Bitmap

  /// Throws `damaged`, `unsupported` or `tooLarge`.
  init(_ bytes: [UInt8], name: String, _ limits: Limits) throws(ImagingError) {
    func damaged(_ why: String) -> ImagingError { .damaged(name, .psd, why) }
    guard let header = PSDHeader(bytes) else { throw damaged("its header says what cannot be") }
    try limits.check(width: header.width, height: header.height, name: name)
    guard let mode = header.mode, [8, 16].contains(header.depth) else {
      throw ImagingError(
        .unsupported, name,
        "only grey, RGB and CMYK of 8 or 16 bits are read of PSD; save it as one of these or as TIFF")
    }
    guard header.hasPicture else {
      throw ImagingError(
        .unsupported, name,
        "this PSD file has layers alone; save it with \u{201C}Maximize Compatibility\u{201D}")
    }
    guard let compression = bytes.number(at: header.picture, size: 2, bigEndian: true) else {
      throw damaged("it ends before its picture")
    }
    guard compression < 2 else {
      throw ImagingError(
        .unsupported, name, "its flattened picture is compressed in an unusual way; save it as TIFF")
    }
    guard header.channels >= mode.channels else { throw damaged("it has too few channels") }
    let used = mode.channels + (header.hasTransparency && header.channels > mode.channels ? 1 : 0)
    var samples = PSDSamples(
      width: header.width, height: header.height, channels: used, isWide: header.depth == 16)
    let isRead =
      compression == 0
      ? samples.read(bytes, from: header.picture + 2)
      : samples.unpack(
        bytes, from: header.picture + 2, channels: header.channels, lengthSize: header.isLarge ? 4 : 2)
    guard isRead else { throw damaged("it ends before its last row") }
    if used > mode.channels { samples.takeWhiteAway() }
    if mode == .cmyk { samples.invert(4) }
    bitmap = Bitmap(
      width: header.width, height: header.height, channels: used, bytes: samples.bytes,
      isWide: header.depth == 16, isCMYK: mode == .cmyk,
      // That of a duotone is one of its inks.
      profile: mode == .duotone ? nil : header.resources.first { $0.number == 1039 }?.data)
  }
}

/// Samples that come one channel after the other, in big-endian order.
private struct PSDSamples {
  let width, height, channels: Int
  let isWide: Bool
  /// Interleaved, in the machine's order.
  private(set) var bytes: [UInt8] = []

  private var rowSize: Int { width * (isWide ? 2 : 1) }

  init(width: Int, height: Int, channels: Int, isWide: Bool) {
    (self.width, self.height, self.channels, self.isWide) = (width, height, channels, isWide)
  }

  private mutating func makeRoom() {
    bytes = [UInt8](repeating: 0, count: rowSize * height * channels)
  }

  /// False: the file ends before.
  mutating func read(_ file: [UInt8], from start: Int) -> Bool {
    guard rowSize * height * channels <= file.count - start else { return false }
    makeRoom()
    for channel in 0..<channels {
      for y in 0..<height {
        let at = start + (channel * height + y) * rowSize
        store(file[at..<at + rowSize], channel, y)
      }
    }
    return true
  }

  /// Rows in PackBits, behind the lengths of all rows of all channels of the file.
  mutating func unpack(_ file: [UInt8], from start: Int, channels all: Int, lengthSize: Int) -> Bool {
    var at = start + all * height * lengthSize
    // Two bytes stand for 128 at most: a file that is too short for its picture takes no memory for it.
    guard at <= file.count, rowSize * height * channels / 64 <= file.count - at else { return false }
    makeRoom()
    for channel in 0..<channels {
      for y in 0..<height {
        let place = start + (channel * height + y) * lengthSize
        guard let length = file.number(at: place, size: lengthSize, bigEndian: true),
          length <= file.count - at,
          let row = unpacked(file[at..<at + length])
        else { return false }
        store(row[...], channel, y)
        at += length
      }
    }
    return true
  }

  private func unpacked(_ packed: ArraySlice<UInt8>) -> [UInt8]? {
    var row: [UInt8] = []
    row.reserveCapacity(rowSize)
    var rest = packed
    while row.count < rowSize {
      guard let head = rest.popFirst() else { return nil }
      if head < 128 {
        let part = rest.prefix(Int(head) + 1)
        guard part.count == Int(head) + 1 else { return nil }
        row += part
        rest = rest.dropFirst(part.count)
      } else if head > 128 {
        guard let value = rest.popFirst() else { return nil }
        row += repeatElement(value, count: 257 - Int(head))
      }
    }
    return row.count == rowSize ? row : nil
  }

  private mutating func store(_ row: ArraySlice<UInt8>, _ channel: Int, _ y: Int) {
    let size = isWide ? 2 : 1
    bytes.withUnsafeMutableBytes { out in
      row.withUnsafeBytes { row in
        var at = (y * width * channels + channel) * size
        for x in 0..<width {
          if isWide {
            let value = UInt16(row[2 * x]) << 8 | UInt16(row[2 * x + 1])
            out.storeBytes(of: value, toByteOffset: at, as: UInt16.self)
          } else {
            out[at] = row[x]
          }
          at += channels * size
        }
      }
    }
  }

  /// Takes the white away that the colours are blended with where the last channel is not opaque.
  mutating func takeWhiteAway() {
    if isWide { takeWhiteAway(UInt16.self) } else { takeWhiteAway(UInt8.self) }
  }

  private mutating func takeWhiteAway<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) {
    let count = channels
    let white = Int(Value.max)
    bytes.withUnsafeMutableBytes { raw in
      let values = raw.bindMemory(to: Value.self)
      // What is darker than the white that shows through was never blended: not all programs do that.
      let isBlended = stride(from: 0, to: values.count, by: count).allSatisfy { pixel in
        let least = white - Int(values[pixel + count - 1]) - white / 255
        return (pixel..<pixel + count - 1).allSatisfy { Int(values[$0]) >= least }
      }
      if !isBlended { return }
      for pixel in stride(from: 0, to: values.count, by: count) {
        let alpha = Int(values[pixel + count - 1])
        if alpha == 0 || alpha == white { continue }
        for at in pixel..<pixel + count - 1 {
          let over = Int(values[at]) - (white - alpha)
          values[at] = Value(min(max((over * white + alpha / 2) / alpha, 0), white))
        }
      }
    }
  }

  /// Turns the first channels around: inks are stored with the largest value for none.
  mutating func invert(_ first: Int) {
    let size = isWide ? 2 : 1
    for pixel in stride(from: 0, to: bytes.count, by: channels * size) {
      for at in pixel..<pixel + first * size { bytes[at] = ~bytes[at] }
    }
  }
}
