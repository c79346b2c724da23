import CVips

/// One libvips image: lazy, or with its pixels in memory. Not changed any more once it is shared.
final class NativeImage: @unchecked Sendable {
  let pointer: OpaquePointer
  let header: cvips_header

  /// Takes ownership. nil, what a failed operation returns, becomes the error that libvips tells.
  init(_ pointer: OpaquePointer?) throws(VipsError) {
    guard let pointer else { throw VipsError() }
    self.pointer = pointer
    header = cvips_header_of(pointer)
  }

  deinit { cvips_unref(pointer) }

  var width: Int { Int(header.width) }
  var height: Int { Int(header.height) }
  var bands: Int { Int(header.bands) }

  func inMemory() throws(VipsError) -> NativeImage { try NativeImage(cvips_in_memory(pointer)) }

  func upright() throws(VipsError) -> NativeImage { try NativeImage(cvips_upright(pointer)) }

  func copy() throws(VipsError) -> NativeImage { try NativeImage(cvips_copy(pointer)) }

  func bands(_ range: Range<Int>) throws(VipsError) -> NativeImage {
    if range == 0..<bands { return self }
    return try NativeImage(cvips_bands(pointer, Int32(range.lowerBound), Int32(range.count)))
  }

  func cropped(_ area: Area) throws(VipsError) -> NativeImage {
    try NativeImage(
      cvips_crop(pointer, Int32(area.x), Int32(area.y), Int32(area.width), Int32(area.height)))
  }

  func joined(_ other: NativeImage) throws(VipsError) -> NativeImage {
    try NativeImage(cvips_join(pointer, other.pointer))
  }

  func rescaled(_ scale: Double, to type: cvips_type) throws(VipsError) -> NativeImage {
    try NativeImage(cvips_rescale(pointer, scale, type))
  }

  /// Floats as 16 bits, 0...1 on the whole range; any others as they are.
  func integers() throws(VipsError) -> NativeImage {
    header.type == CVIPS_FLOAT ? try rescaled(65535, to: CVIPS_UINT16).named(header.space) : self
  }

  /// The value that means opaque, or white.
  var most: Double {
    switch header.type {
    case CVIPS_UINT8: 255
    case CVIPS_UINT16: 65535
    default: 1
    }
  }

  /// Bits per channel: 8, 16, or 32 of floats.
  var bitDepth: Int {
    switch header.type {
    case CVIPS_UINT8: 8
    case CVIPS_UINT16: 16
    default: 32
    }
  }

  /// The same values as floats, of whatever type they are.
  func asFloats() throws(VipsError) -> NativeImage { try NativeImage(cvips_as_floats(pointer)) }

  func named(_ space: cvips_space) throws(VipsError) -> NativeImage {
    try NativeImage(cvips_named(pointer, space))
  }

  /// Writes all pixels as floats, integers mapped to 0...1.
  func read(into floats: UnsafeMutablePointer<Float>) throws(VipsError) {
    guard cvips_read_floats(pointer, floats) == 0 else { throw VipsError() }
  }

  /// All pixels as floats, integers mapped to 0...1.
  func floats() throws(VipsError) -> FloatImage {
    let count = width * height * bands
    var succeeded = false
    let pixels = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      cvips_prefer_large_pages(buffer.baseAddress!, count * MemoryLayout<Float>.stride)
      succeeded = cvips_read_floats(pointer, buffer.baseAddress!) == 0
      filled = succeeded ? count : 0
    }
    guard succeeded else { throw VipsError() }
    return FloatImage(width: width, height: height, channels: bands, pixels: pixels)
  }

  /// All pixels as they are; Value must be the type of this image's bands.
  func values<Value>(_: Value.Type) throws(VipsError) -> [Value] {
    let count = width * height * bands
    var succeeded = false
    let values = [Value](unsafeUninitializedCapacity: count) { buffer, filled in
      succeeded = cvips_read(pointer, buffer.baseAddress!) == 0
      filled = succeeded ? count : 0
    }
    guard succeeded else { throw VipsError() }
    return values
  }

  func blob(_ field: String) -> [UInt8]? {
    var count = 0
    guard let bytes = cvips_blob(pointer, field, &count) else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// Only while nobody else has this image.
  func setBlob(_ field: String, _ bytes: [UInt8]) {
    bytes.withUnsafeBytes { raw in
      guard let start = raw.baseAddress else { return }
      cvips_set_blob(pointer, field, start, raw.count)
    }
  }

  /// Only while nobody else has this image.
  func remove(_ field: String) { cvips_remove(pointer, field) }

  var fields: [String] {
    guard let text = cvips_fields(pointer) else { return [] }
    defer { cvips_free(text) }
    return String(cString: text).split(separator: "\n").map(String.init)
  }

  func text(_ field: String) -> String? {
    guard let text = cvips_text(pointer, field) else { return nil }
    defer { cvips_free(text) }
    return String(cString: text)
  }
}
