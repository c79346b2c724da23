import CKernels

/// The gradient of a convolution by its few input channels: the output's gradient is multiplied with the
/// weights of every channel and tap as one matrix, and each product added where its tap was (col2im).
///
/// The rows of the input's map are cut in bands, so that all that is added to a position is added by one piece,
/// in one order.
struct FoldedGradient: BoundCorrelation {
  private let correlation: Correlation
  private let weights: PackedWeights
  private let channels: Int
  /// Of the convolution.
  private let window: rt_window
  private let images, bands, inStep: Int
  /// Rows of the output's map that are multiplied at a time.
  private let stripRows: Int

  /// Floats of gradients and products that stay in a core's second-level cache.
  private static let stripBudget = 1 << 17

  let canMask = false
  let isEmpty = false
  let sharedScratch = 0

  init(
    _ correlation: Correlation, of g: Convolution.Geometry, images: Int, from output: Shape, to input: Shape
  )
    throws
  {
    (self.correlation, self.images, channels) = (correlation, images, input.channels)
    weights = try correlation.weights(.packed)
    inStep = output.step(images: images)
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), step: Int32(g.stride), top: Int32(-g.pad), left: Int32(-g.pad),
      taps_height: Int32(g.height), taps_width: Int32(g.width), out_height: Int32(output.height),
      out_width: Int32(output.width), spread: 1, y: 0, x: 0)
    bands = max((Pieces.fewest + images - 1) / images, 1)
    let rowFloats = output.width * (correlation.outChannels + correlation.inChannels)
    stripRows = min(max(FoldedGradient.stripBudget / rowFloats, 1), output.height)
  }

  private var stripPositions: Int { stripRows * Int(window.grid_width) }
  private var productBlocks: Int { Tensor.blocks(correlation.outChannels) }
  private var laneFloats: Int { productBlocks * Tensor.lanes * stripPositions }
  private var productFloats: Int { correlation.outChannels * stripPositions }
  // Pointers and places are as large as two floats each.
  private var placeFloats: Int { 4 * stripPositions }
  private var bandFloats: Int { channels * ((Int(window.height) + bands - 1) / bands) * Int(window.width) }

  var scratch: Int {
    placeFloats + laneFloats + productFloats + bandFloats
      + withUnsafePointer(to: window) { Int(rt_fold_line($0)) * Int($0.pointee.step) }
  }

  func run(
    _ gradient: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish,
    _ scratch: Scratch
  ) {
    let (height, width) = (Int(window.height), Int(window.width))
    let (gridHeight, gridWidth) = (Int(window.grid_height), Int(window.grid_width))
    let step = Int(window.step)
    correlation.refresh(weights, .packed)
    Workers.shared.run(images * bands) { piece, worker in
      let (image, band) = piece.quotientAndRemainder(dividingBy: bands)
      let (top, bottom) = (height * band / bands, height * (band + 1) / bands)
      guard top < bottom else { return }
      // Output row q sees input rows q·step + top ..< q·step + top + taps.
      let (firstSeen, taps) = (Int(window.top), Int(window.taps_height))
      let first = max(top - firstSeen - taps + step, 0) / step
      let end = min((bottom - 1 - firstSeen) / step + 1, gridHeight)
      let lanes = scratch[worker] + placeFloats
      let (products, area) = (lanes + laneFloats, (bottom - top) * width)
      let sums = products + productFloats
      rt_fill(sums, 0, channels * area)
      for row in Swift.stride(from: first, to: end, by: stripRows) {
        let rows = min(stripRows, end - row)
        multiply(
          products, lanes, gradient, (image * gridHeight + row) * gridWidth, rows * gridWidth, scratch[worker]
        )
        withUnsafePointer(to: window) {
          rt_fold(
            sums - top * width, area, Int32(channels), $0, products, rows * gridWidth, Int32(row),
            Int32(rows),
            Int32(top), Int32(bottom), sums + bandFloats)
        }
      }
      rt_to_lanes(
        output + (image * height + top) * width * Tensor.lanes, sums, area, Int32(channels), area, nil, nil,
        finish.accumulate)
    }
  }

  /// Products [row][position] of positions first..<first + count, over all images.
  private func multiply(
    _ products: UnsafeMutablePointer<Float>, _ lanes: UnsafeMutablePointer<Float>,
    _ gradient: UnsafePointer<Float>,
    _ first: Int, _ count: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    var (each, finish) = (window, rt_finish())
    (each.height, each.width, each.step) = (each.grid_height, each.grid_width, 1)
    (each.top, each.left, each.taps_height, each.taps_width) = (0, 0, 1, 1)
    let from = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UnsafePointer<Float>?.self)
    let places = UnsafeMutableRawPointer(scratch + 2 * stripPositions).assumingMemoryBound(to: Int.self)
    let (rows, size) = (correlation.outChannels, count * Tensor.lanes)
    rt_places(from, places, gradient, &each, images, first, count, rt_tile_positions(rows))
    UnsafeRawPointer(from).withMemoryRebound(to: UnsafePointer<Float>.self, capacity: count) { from in
      var terms = rt_terms(from: from, taps: 1, blocks: correlation.seenBlocks, step: inStep, pairs: false)
      rt_product(
        lanes - first * Tensor.lanes, size, places, weights.base, nil, &terms, rows, count, false, &finish)
    }
    for block in 0..<productBlocks {
      let row = block * Tensor.lanes
      rt_from_lanes(
        products + row * count, count, lanes + block * size, Int32(min(Tensor.lanes, rows - row)), count, nil)
    }
  }
}
