import CKernels
import Glibc

/// A photo's bytes: interleaved RGB, row after row without gaps, valid as long as its owner says.
public struct PhotoBytes {
  public let pixels: UnsafePointer<UInt8>
  /// Pixels across and down, both at least 1.
  public let width: Int, height: Int

  /// - Parameter pixels: 3 · width · height bytes.
  public init(pixels: UnsafePointer<UInt8>, width: Int, height: Int) {
    precondition(width > 0 && height > 0, "a photo has pixels")
    self.pixels = pixels
    self.width = width
    self.height = height
  }
}

/// Random views of photos for training: a crop brought to a square, mirrored or not, with changed colours.
///
/// Each view is a pure function of photo, size, seed, epoch and index, whatever was drawn before and on
/// whatever thread. Colours are gamma-encoded sRGB in 0...1 throughout.
public struct Augmentation: Sendable, Equatable {
  /// The crop's share of the photo's area, drawn uniformly; within 0...1.
  public var area: ClosedRange<Float>
  /// The crop is e^u times as wide as it is high, u drawn uniformly from ±aspect.
  public var aspect: Float
  /// Whether every second view, by chance, is mirrored.
  public var flips: Bool
  /// The share of views whose colours are changed.
  public var jitter: Float
  /// What is added to colours is drawn uniformly from ±brightness.
  public var brightness: Float
  /// The distance of colours to 0.5 is multiplied by a factor drawn uniformly from 1 ± contrast.
  public var contrast: Float
  /// The distance of colours to their luma is multiplied by a factor drawn uniformly from 1 ± saturation.
  public var saturation: Float

  public init(
    area: ClosedRange<Float> = 0.3...1, aspect: Float = 0.2, flips: Bool = true, jitter: Float = 0.5,
    brightness: Float = 0.075, contrast: Float = 0.2, saturation: Float = 0.2
  ) {
    self.area = area
    self.aspect = aspect
    self.flips = flips
    self.jitter = jitter
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
  }

  /// Writes one view, planar [3][size][size] in 0...1.
  public func apply(
    to photo: PhotoBytes, size: Int, seed: UInt64, epoch: Int, index: Int, out: UnsafeMutablePointer<Float>
  ) {
    let draw = Draw(seed: seed, epoch: epoch, index: index)
    let isMirrored = flips && draw[4] < 0.5
    crop(of: photo, draw).write(photo, size: size, isMirrored: isMirrored, to: out)
    guard draw[5] < jitter else { return rt_clamp(out, 0, 1, 3 * size * size) }
    rt_jitter(
      out, 1 + saturation * (2 * draw[8] - 1), 1 + contrast * (2 * draw[6] - 1),
      brightness * (2 * draw[7] - 1),
      size * size)
  }

  /// Writes the view that evaluation uses, planar [3][size][size] in 0...1: the largest centred square,
  /// brought to the size.
  public static func plain(_ photo: PhotoBytes, size: Int, out: UnsafeMutablePointer<Float>) {
    let side = Double(min(photo.width, photo.height))
    let crop = Crop(
      x: (Double(photo.width) - side) / 2, y: (Double(photo.height) - side) / 2, width: side, height: side)
    crop.write(photo, size: size, isMirrored: false, to: out)
    rt_clamp(out, 0, 1, 3 * size * size)
  }

  /// A crop that would stick out is cut, and then again, so that its proportions stay within e^±aspect.
  private func crop(of photo: PhotoBytes, _ draw: Draw) -> Crop {
    let (width, height) = (Double(photo.width), Double(photo.height))
    let share = Double(area.lowerBound + (area.upperBound - area.lowerBound) * draw[0])
    let ratio = exp(Double(aspect * (2 * draw[1] - 1)))
    let limit = exp(Double(aspect))
    var across = min((share * width * height * ratio).squareRoot(), width)
    var down = min((share * width * height / ratio).squareRoot(), height)
    across = min(across, down * limit)
    down = min(down, across * limit)
    return Crop(
      x: Double(draw[2]) * (width - across), y: Double(draw[3]) * (height - down), width: across, height: down
    )
  }
}

/// The random numbers of one view, uniform in [0, 1).
private struct Draw {
  private let words: (SIMD4<UInt32>, SIMD4<UInt32>, SIMD4<UInt32>)

  init(seed: UInt64, epoch: Int, index: Int) {
    // The upper half keeps the stream apart from others with the same seed.
    let stream = 0x6175_676D << 32 | UInt64(UInt32(truncatingIfNeeded: epoch))
    let philox = Philox(seed: seed, stream: stream)
    let first = UInt64(bitPattern: Int64(index)) &* 4
    words = (philox.words(first), philox.words(first &+ 1), philox.words(first &+ 2))
  }

  /// Numbers 0...11.
  subscript(index: Int) -> Float {
    let block = index < 4 ? words.0 : index < 8 ? words.1 : words.2
    return Float(block[index % 4] >> 8) * 0x1p-24
  }
}

/// A rectangle of a photo, in pixels, inside it; (0, 0) is the corner of the first pixel.
private struct Crop {
  let x: Double, y: Double, width: Double, height: Double

  /// Writes planes [3][size][size], in 0...1 but for rounding.
  func write(_ photo: PhotoBytes, size: Int, isMirrored: Bool, to out: UnsafeMutablePointer<Float>) {
    let across = Taps(start: x, extent: width, of: photo.width, size: size, scale: 1, isReversed: isMirrored)
    let down = Taps(start: y, extent: height, of: photo.height, size: size, scale: 1 / 255, isReversed: false)
    let corner = photo.pixels + 3 * (down.start * photo.width + across.start)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rt_resample_scratch(across.span, size)) {
      scratch in
      rt_resample(
        out, size, corner, 3 * photo.width, across.span, down.first, down.weights, down.count, across.first,
        across.weights, across.count, scratch.baseAddress!)
    }
  }
}

/// How the pixels along one side of a view are mixed from those of the photo: by a triangle as wide as two
/// pixels of the coarser of both, which interpolates linearly when enlarging and does not alias when
/// shrinking. Beyond the photo's edges there is nothing: the weights left are scaled up.
private struct Taps {
  /// The first pixel of the photo that is used, and how many are from there to the last.
  let start: Int, span: Int
  /// Taps of each pixel of the view.
  let count: Int
  /// The first tap of each pixel of the view, counted from `start`.
  private(set) var first: [Int32]
  private(set) var weights: [Float]

  init(start edge: Double, extent: Double, of length: Int, size: Int, scale: Double, isReversed: Bool) {
    let step = extent / Double(size)
    let reach = max(1, step)
    let count = min(length, Int((2 * reach).rounded(.up)) + 1)
    self.count = count
    first = [Int32](repeating: 0, count: size)
    weights = [Float](repeating: 0, count: size * count)
    var (least, most) = (length, 0)
    for i in 0..<size {
      let centre = edge + (Double(i) + 0.5) * step
      // As many pixels as there are taps: those of them that lie beyond the triangle weigh nothing.
      let from = min(max(Int((centre - reach - 0.5).rounded(.up)), 0), length - count)
      (least, most) = (min(least, from), max(most, from + count))
      var sum = 0.0
      for k in 0..<count { sum += max(0, reach - abs(Double(from + k) + 0.5 - centre)) }
      let at = isReversed ? size - 1 - i : i
      first[at] = Int32(from)
      for k in 0..<count {
        let weight = max(0, reach - abs(Double(from + k) + 0.5 - centre))
        weights[at * count + k] = Float(weight / sum * scale)
      }
    }
    (start, span) = (least, most - least)
    for i in 0..<size { first[i] -= Int32(least) }
  }
}
