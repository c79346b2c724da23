import CKernels

/// What happens to the sums of a correlation on their way to the output.
struct Finish {
  /// Of each output channel.
  var bias: UnsafePointer<Float>?
  /// Shaped as the output.
  var residual: UnsafePointer<Float>?
  var relu = false
  /// Where bits of the output's values are written that tell which are above 0.
  var positive: UnsafeMutablePointer<UInt16>?
  /// Such bits; the output is 0 where they are not set. Excludes the others.
  var mask: UnsafePointer<UInt16>?
  /// Adds to the output. Excludes the others but the mask.
  var accumulate = false

  /// For an output that begins with this channel, the first of a block.
  /// - Parameter step: floats from one block of channels to the next.
  func parts(channel: Int, step: Int) -> rt_finish {
    var all = rt_finish(
      bias: bias.map { $0 + channel }, residual: residual, relu: relu, positive: positive, mask: mask,
      accumulate: accumulate)
    return rt_finish_from(&all, channel / Tensor.lanes * step)
  }
}

/// A correlation of feature maps of known shapes, with the algorithm that suits them. The work is cut in pieces by rows
/// (output channels) and by positions. What stands for the outside of the input has been cleared.
protocol BoundCorrelation {
  /// Floats that each worker needs.
  var scratch: Int { get }
  /// Floats that all workers need together.
  var sharedScratch: Int { get }
  /// Whether `Finish.mask` is heeded.
  var canMask: Bool { get }
  /// Whether no tap meets a position of the output that it is to write.
  var isEmpty: Bool { get }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  )
}

/// How work is cut.
enum Pieces {
  /// Fewer pieces than this leave threads idle.
  static let fewest = 4

  /// So many pieces that each of a few threads gets as many.
  static func whole(_ pieces: Int) -> Int { (pieces + fewest - 1) / fewest * fewest }
}

extension Correlation {
  /// - Throws: `RuntimeError.outOfMemory`
  func bound(
    images: Int, from input: Shape, to output: Shape, preferring preferred: Convolution.Algorithm? = nil
  ) throws -> any BoundCorrelation {
    let (gridHeight, gridWidth) = grid(outHeight: output.height, outWidth: output.width)
    let seen = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(gridHeight),
      grid_width: Int32(gridWidth), step: Int32(window.step), top: Int32(window.top),
      left: Int32(window.left),
      taps_height: Int32(window.tapsHeight), taps_width: Int32(window.tapsWidth),
      out_height: Int32(output.height), out_width: Int32(output.width), spread: Int32(window.spread),
      y: Int32(window.y), x: Int32(window.x))
    let method = CorrelationMethod(
      self, preferred, images: images, gridHeight: gridHeight, gridWidth: gridWidth)
    func split(parts: Int) throws -> SplitCorrelation {
      try SplitCorrelation(self, parts: parts, images: images, from: input, to: output, seen)
    }
    if case .bfloat(let parts) = method { return try split(parts: parts) }
    if case .bytes = method { return try split(parts: Int(RT_BYTES)) }
    if case .winograd(let side, let pairs) = method {
      return try WinogradCorrelation(
        self, side: side, pairs: pairs, images: images, from: input, to: output, seen)
    }
    return try DirectCorrelation(self, images: images, from: input, to: output, seen)
  }
}
