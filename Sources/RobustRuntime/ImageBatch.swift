/// Images of one size: planar, [count][3][height][width], sRGB (gamma-encoded) in 0...1.
public struct ImageBatch: Sendable, Equatable {
  public let count, height, width: Int
  public var pixels: [Float]

  /// Floats of one image.
  public var stride: Int { 3 * height * width }

  /// - Precondition: `pixels` has count · 3 · height · width values, and no extent is negative.
  public init(count: Int, height: Int, width: Int, pixels: [Float]) {
    precondition(count >= 0 && height >= 0 && width >= 0 && pixels.count == count * 3 * height * width)
    (self.count, self.height, self.width, self.pixels) = (count, height, width, pixels)
  }

  /// Images of one grey.
  public init(count: Int, height: Int, width: Int, repeating value: Float = 0) {
    self.init(
      count: count, height: height, width: width,
      pixels: [Float](repeating: value, count: count * 3 * height * width))
  }
}

/// Weights of pixels in 0...1: planar, [count][height][width]. A count of 1 is shared by a whole batch.
public struct Region: Sendable, Equatable {
  public let count, height, width: Int
  public var values: [Float]

  /// - Precondition: `values` has count · height · width values, and no extent is negative.
  public init(count: Int, height: Int, width: Int, values: [Float]) {
    precondition(count >= 0 && height >= 0 && width >= 0 && values.count == count * height * width)
    (self.count, self.height, self.width, self.values) = (count, height, width, values)
  }
}

/// Features of a batch of images at one layer: [count][channels][height][width].
public struct FeatureMap: Sendable, Equatable {
  public let count, channels, height, width: Int
  public var values: [Float]

  /// - Precondition: `values` has count · channels · height · width values.
  public init(count: Int, channels: Int, height: Int, width: Int, values: [Float]) {
    precondition(values.count == count * channels * height * width)
    (self.count, self.channels, self.height, self.width) = (count, channels, height, width)
    self.values = values
  }
}
