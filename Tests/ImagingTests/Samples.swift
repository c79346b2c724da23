import CVips
import Imaging

/// Pixels as a file stores them.
struct RawImage: Equatable {
  var width: Int
  var height: Int
  var bands: Int
  /// Interleaved, 0...255 or 0...65535.
  var values: [UInt16]
  var isWide = false
  var isCMYK = false

  /// Encoded with the given metadata fields, without the code under test.
  func encoded(
    as format: cvips_format, fields: [String: [UInt8]] = [:], quality: Int32 = 95, lossless: Bool = true
  ) throws -> [UInt8] {
    if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
    let narrow = values.map { UInt8(truncatingIfNeeded: $0) }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: values.count * 2, alignment: 8)
    defer { memory.deallocate() }
    if isWide { values.withUnsafeBytes { memory.copyMemory(from: $0) } }
    if !isWide { narrow.withUnsafeBytes { memory.copyMemory(from: $0) } }
    let type = isWide ? CVIPS_UINT16 : CVIPS_UINT8
    guard let plain = cvips_wrap(memory.baseAddress!, Int32(width), Int32(height), Int32(bands), type),
      let named = cvips_named(plain, isCMYK ? CVIPS_CMYK : bands < 3 ? CVIPS_GREY : CVIPS_RGB)
    else { throw SetupError("wrap") }
    defer {
      cvips_unref(named)
      cvips_unref(plain)
    }
    for (field, bytes) in fields { cvips_set_blob(named, field, bytes, bytes.count) }
    var encoding = cvips_encoding()
    encoding.quality = quality
    encoding.effort = 1
    encoding.bit_depth = isWide ? (format == CVIPS_AVIF ? 12 : 16) : 8
    encoding.lossless = lossless
    var count = 0
    guard let bytes = cvips_encode(named, format, encoding, &count) else {
      throw SetupError(cvips_take_error().map { String(cString: $0) } ?? "encode")
    }
    defer { cvips_free(bytes) }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  init(
    width: Int, height: Int, bands: Int, values: [UInt16], isWide: Bool = false, isCMYK: Bool = false
  ) {
    self.width = width
    self.height = height
    self.bands = bands
    self.values = values
    self.isWide = isWide
    self.isCMYK = isCMYK
  }

  /// A deterministic picture with smooth and sharp parts, each band different.
  init(sample width: Int, _ height: Int, bands: Int, isWide: Bool = false, isCMYK: Bool = false) {
    var values: [UInt16] = []
    for y in 0..<height {
      for x in 0..<width {
        for band in 0..<bands {
          let step = (x * (3 + band) + y * (7 - 2 * band) + band * 40 + 512) % 97
          values.append(UInt16(step) * (isWide ? 682 : 2) + UInt16(x % 5))
        }
      }
    }
    self.init(width: width, height: height, bands: bands, values: values, isWide: isWide, isCMYK: isCMYK)
  }

  /// Decoded without the code under test.
  init(decoding bytes: [UInt8], _ format: cvips_format) throws {
    self = try withDecoded(bytes, format) { try RawImage($0) }
  }

  private init(_ image: OpaquePointer) throws {
    let header = cvips_header_of(image)
    let count = Int(header.width * header.height * header.bands)
    var values = [UInt16](repeating: 0, count: count)
    if header.type == CVIPS_UINT16 {
      guard cvips_read(image, &values) == 0 else { throw SetupError("read") }
    } else {
      var narrow = [UInt8](repeating: 0, count: count)
      guard cvips_read(image, &narrow) == 0 else { throw SetupError("read") }
      values = narrow.map(UInt16.init)
    }
    self.init(
      width: Int(header.width), height: Int(header.height), bands: Int(header.bands), values: values,
      isWide: header.type == CVIPS_UINT16, isCMYK: header.space == CVIPS_CMYK)
  }

  subscript(x: Int, y: Int) -> [UInt16] {
    let at = (y * width + x) * bands
    return Array(values[at..<at + bands])
  }
}

/// A field of a file's metadata, read without the code under test.
func blob(_ field: String, in bytes: [UInt8], _ format: cvips_format) throws -> [UInt8]? {
  try withDecoded(bytes, format) { image in
    var count = 0
    return cvips_blob(image, field, &count).map { [UInt8](UnsafeRawBufferPointer(start: $0, count: count)) }
  }
}

/// A text field of a file's metadata, read without the code under test.
func text(_ field: String, in bytes: [UInt8], _ format: cvips_format) throws -> String? {
  try withDecoded(bytes, format) { image in cvips_text(image, field).map { String(cString: $0) } }
}

private func withDecoded<Result>(
  _ bytes: [UInt8], _ format: cvips_format, _ body: (OpaquePointer) throws -> Result
) throws -> Result {
  if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
  return try bytes.withUnsafeBytes { raw in
    guard let image = cvips_decode(format, raw.baseAddress!, raw.count) else { throw SetupError("decode") }
    defer { cvips_unref(image) }
    return try body(image)
  }
}

/// A built-in ICC profile of libvips: "srgb", "p3", "cmyk".
func profile(_ name: String) throws -> [UInt8] {
  if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
  var count = 0
  guard let bytes = cvips_profile(name, &count) else { throw SetupError("profile \(name)") }
  defer { cvips_free(bytes) }
  return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
}

/// An EXIF block with an orientation and a camera model.
func exif(orientation: Int = 1) -> [UInt8] {
  let model = Array("RTool Test Camera\0".utf8)
  var block: [UInt8] = Array("Exif\0\0II*\0".utf8) + [8, 0, 0, 0, 2, 0]
  block += [0x10, 0x01, 2, 0, UInt8(model.count), 0, 0, 0, 38, 0, 0, 0]
  block += [0x12, 0x01, 3, 0, 1, 0, 0, 0, UInt8(orientation), 0, 0, 0]
  block += [0, 0, 0, 0]
  return block + model
}

/// A JPEG file with one more segment after its start.
func inserting(_ segment: [UInt8], marker: UInt8, intoJPEG file: [UInt8]) -> [UInt8] {
  let length = segment.count + 2
  return file[..<2] + [0xFF, marker, UInt8(length >> 8), UInt8(length & 255)] + segment + file[2...]
}

extension SourceImage {
  static func open(bytes: [UInt8]) throws(ImagingError) -> SourceImage {
    try open(.bytes(bytes, name: "test"))
  }
}

/// The largest difference between two images, infinite if their shapes differ.
func difference(_ a: FloatImage, _ b: FloatImage) -> Float {
  guard a.width == b.width, a.height == b.height, a.channels == b.channels else { return .infinity }
  return zip(a.pixels, b.pixels).map { abs($0 - $1) }.max() ?? 0
}

/// A picture whose channels all differ.
func picture(_ width: Int, _ height: Int, channels: Int = 3) -> FloatImage {
  let raw = RawImage(sample: width, height, bands: channels)
  return FloatImage(
    width: width, height: height, channels: channels, pixels: raw.values.map { Float($0) / 255 })
}
