import CKernels

/// The gradient of a convolution by its few input channels: the output's gradient is multiplied with the
/// weights of every channel and tap as one matrix, and each product added where its tap was (col2im).
///
/// The rows of the input's map are cut in bands, so that all that is added to a position is added by one piece,
/// in one order.
struct FoldedGradient: BoundCorrelation {
  private let correlation: Correlation
  private let weights: FloatBlock
  private let channels: Int
  /// Of the convolution.
  private let window: rt_window
  private let images, bands: Int
  /// Rows of the output's map that are multiplied at a time.
  private let stripRows: Int

  let canMask = false
  let isEmpty = false
  let sharedScratch = 0

  init(
    _ correlation: Correlation, of g: Convolution.Geometry, images: Int, from output: Shape, to input: Shape
  )
    throws
  {
    (self.correlation, self.images, channels) = (correlation, images, input.channels)
    weights = try correlation.weights(.packed(block: Int(RT_ROWS)))
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), step: Int32(g.stride), top: Int32(-g.pad), left: Int32(-g.pad),
      taps_height: Int32(g.height), taps_width: Int32(g.width))
    bands = max((Pieces.fewest + images - 1) / images, 1)
    let rowFloats = output.width * (correlation.outChannels + correlation.inChannels)
    stripRows = min(max(2 * Pieces.columnBudget / rowFloats, 1), output.height)
  }

  private var stripPositions: Int { stripRows * Int(window.grid_width) }
  private var columnFloats: Int {
    let panel = Int(RT_PANEL)
    return (stripPositions + panel - 1) / panel * panel * correlation.depth
  }
  private var productFloats: Int { stripPositions * correlation.outChannels }

  var scratch: Int {
    columnFloats + productFloats
      + withUnsafePointer(to: window) { Int(rt_fold_line($0)) * Int($0.pointee.step) }
  }

  func run(
    _ gradient: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish,
    _ scratch: Scratch
  ) {
    let (height, width) = (Int(window.height), Int(window.width))
    let (gridHeight, gridWidth) = (Int(window.grid_height), Int(window.grid_width))
    let (step, plane, gridPlane) = (
      Int(window.step), images * height * width, images * gridHeight * gridWidth
    )
    Workers.shared.run(images * bands) { piece, worker in
      let (image, band) = piece.quotientAndRemainder(dividingBy: bands)
      let (top, bottom) = (height * band / bands, height * (band + 1) / bands)
      guard top < bottom else { return }
      let out = output + image * height * width
      if !finish.accumulate {
        for channel in 0..<channels {
          rt_fill(out + channel * plane + top * width, 0, (bottom - top) * width)
        }
      }
      // Output row q sees input rows q·step + top ..< q·step + top + taps.
      let (firstSeen, taps) = (Int(window.top), Int(window.taps_height))
      let first = max(top - firstSeen - taps + step, 0) / step
      let end = min((bottom - 1 - firstSeen) / step + 1, gridHeight)
      let columns = scratch[worker]
      let products = columns + columnFloats
      for row in Swift.stride(from: first, to: end, by: stripRows) {
        let rows = min(stripRows, end - row)
        multiply(
          products, columns, gradient, gridPlane, (image * gridHeight + row) * gridWidth, rows * gridWidth)
        withUnsafePointer(to: window) {
          rt_fold(
            out, plane, Int32(channels), $0, products, rows * gridWidth, Int32(row), Int32(rows), Int32(top),
            Int32(bottom), products + productFloats)
        }
      }
    }
  }

  /// Of positions first..<first + count, over all images.
  private func multiply(
    _ products: UnsafeMutablePointer<Float>, _ columns: UnsafeMutablePointer<Float>,
    _ gradient: UnsafePointer<Float>, _ plane: Int, _ first: Int, _ count: Int
  ) {
    var (each, finish) = (window, rt_finish())
    (each.height, each.width, each.step) = (each.grid_height, each.grid_width, 1)
    (each.top, each.left, each.taps_height, each.taps_width) = (0, 0, 1, 1)
    rt_gather(columns, gradient, plane, Int32(correlation.inChannels), &each, first, count)
    rt_product(
      products, count, weights.base, columns, correlation.depth, correlation.outChannels, count, &finish)
  }
}
