/// The nearest of the 2^n values of an integer type for a value in 0...1; outside it saturates, and what
/// is not a number becomes 0. For 8 and 16 bits.
@inline(__always)
func quantised<Value: FixedWidthInteger & UnsignedInteger>(_ value: Float, to _: Value.Type) -> Value {
  guard value > 0 else { return 0 }
  guard value < 1 else { return .max }
  return Value(truncatingIfNeeded: Int32(value * Float(Value.max) + 0.5))
}

/// The type of the values that an image has in memory.
protocol ChannelValue: BitwiseCopyable, Equatable {
  /// The nearest one for a value in 0...1; outside it saturates, and what is not a number becomes 0.
  static func nearest(_ value: Float) -> Self
  /// Whether two values cannot be told apart: by this type, and by no more than 16 bits.
  static func areSame(_ a: Float, _ b: Float) -> Bool
}

extension ChannelValue where Self: FixedWidthInteger & UnsignedInteger {
  @inline(__always)
  static func nearest(_ value: Float) -> Self { quantised(value, to: Self.self) }
  @inline(__always)
  static func areSame(_ a: Float, _ b: Float) -> Bool { nearest(a) == nearest(b) }
}

extension UInt8: ChannelValue {}
extension UInt16: ChannelValue {}

extension Float: ChannelValue {
  static func nearest(_ value: Float) -> Float { value > 0 ? min(value, 1) : 0 }
  static func areSame(_ a: Float, _ b: Float) -> Bool { UInt16.areSame(a, b) }
}

/// The luminance of an sRGB colour, gamma-encoded again. A grey has its own value.
func luminance(_ r: Float, _ g: Float, _ b: Float) -> Float {
  if r == g, g == b { return g }
  func light(_ value: Float) -> Double { ColourEncoding.sRGBLight(Double(value)) }
  return Float(
    ColourEncoding.sRGBValue(ofLight: 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b)))
}
