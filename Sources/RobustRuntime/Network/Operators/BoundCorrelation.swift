import CKernels

/// A correlation of feature maps of known shapes, with the algorithm that suits them. Its work is cut in tasks by rows
/// (output channels) and by positions. The zero pixel of the input has been cleared.
protocol BoundCorrelation {
  /// Floats that each worker needs.
  var scratch: Int { get }
  /// Floats that all workers need together.
  var sharedScratch: Int { get }
  /// Whether `Epilogue.keep` is heeded.
  var canMask: Bool { get }
  /// Whether no tap meets a position of the output that it is to write.
  var isEmpty: Bool { get }

  /// - Parameters:
  ///   - input: [C/16][N·H·W + 1][16]
  ///   - output: [C/16][N·H·W + 1][16]
  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  )
}

/// How work is cut in tasks.
enum Tasks {
  /// The number of tasks below which threads are idle.
  static let fewest = 4

  /// At least so many tasks, of which a few threads get equally many.
  static func balanced(_ tasks: Int) -> Int { (tasks + fewest - 1) / fewest * fewest }
}

extension Correlation {
  /// - Throws: `RuntimeError.outOfMemory`
  func bound(
    images: Int, from input: Shape, to output: Shape, preferring preferred: Convolution.Algorithm? = nil
  ) throws -> any BoundCorrelation {
    let (gridHeight, gridWidth) = grid(outHeight: output.height, outWidth: output.width)
    let window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(gridHeight),
      grid_width: Int32(gridWidth), stride: Int32(window.stride), top: Int32(window.top),
      left: Int32(window.left), taps_height: Int32(window.tapsHeight), taps_width: Int32(window.tapsWidth),
      out_height: Int32(output.height), out_width: Int32(output.width), out_stride: Int32(window.outStride),
      out_y: Int32(window.outY), out_x: Int32(window.outX))
    // Chosen for one image, so that a batch computes what its images alone compute. In training images meet anyway.
    let algorithm = Convolution.Algorithm(
      for: self, preferring: preferred, images: isTrained ? images : min(images, 1), gridHeight: gridHeight,
      gridWidth: gridWidth)
    if let format = algorithm.lowPrecision {
      return try LowPrecisionCorrelation(self, format, images: images, from: input, to: output, window)
    }
    if let (side, format) = algorithm.winograd {
      return try WinogradCorrelation(
        self, side: side, format, images: images, from: input, to: output, window)
    }
    return try DirectCorrelation(self, images: images, from: input, to: output, window)
  }
}
