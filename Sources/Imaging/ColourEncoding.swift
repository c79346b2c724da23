import CVips
import Glibc

/// What the values of an image mean, where its file says it with numbers instead of a profile.
struct ColourEncoding: Sendable {
  /// x and y (CIE 1931) of white, red, green, blue.
  let chromaticities: [Double]
  /// Light of a value, both in 0...1; white is 1, and more than that is white.
  let light: @Sendable (Double) -> Double

  /// The curve of sRGB (IEC 61966-2-1).
  @Sendable static func sRGBLight(_ value: Double) -> Double {
    value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
  }

  /// The way back.
  static func sRGBValue(ofLight light: Double) -> Double {
    light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055
  }

  /// This encoding as an ICC profile, for one band of grey or three of RGB. Nil: it cannot be made.
  func profile(bands: Int) -> [UInt8]? {
    let last = 4095
    let curve = (0...last).map {
      UInt16((65535 * min(max(light(Double($0) / Double(last)), 0), 1)).rounded())
    }
    var count = 0
    guard let bytes = cvips_matrix_profile(chromaticities, curve, curve.count, bands == 1, &count) else {
      return nil
    }
    defer { cvips_free(bytes) }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }
}
