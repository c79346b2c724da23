import CKernels

/// The gradient of a convolution by its few input channels: the output's gradient is multiplied with the weights of
/// every channel and tap as one matrix, and each product is added where its tap was (col2im).
///
/// The rows of the input's map are cut in bands, one for each task, so that all that is added to a position is
/// added in one order.
struct Col2ImGradient: BoundCorrelation {
  private let correlation: Correlation
  private let weights: PackedWeights
  private let channels: Int
  /// The window of the convolution.
  private let window: rt_window
  private let images, bands, inBlockStride: Int
  /// Rows of the output's map that are multiplied at a time.
  private let stripRows: Int

  /// Floats of gradients and products that stay in a core's second-level cache.
  private static let stripBudget = 1 << 17

  let canMask = false
  let isEmpty = false
  let sharedScratch = 0

  /// - Parameter correlation: makes the products, [channel][tap] of them for each position of the output.
  init(
    _ correlation: Correlation, of g: Convolution.Geometry, images: Int, from output: Shape, to input: Shape
  )
    throws
  {
    (self.correlation, self.images, channels) = (correlation, images, input.channels)
    weights = try correlation.weights(.packed)
    inBlockStride = output.blockStride(images: images)
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), stride: Int32(g.stride), top: Int32(-g.padding.top),
      left: Int32(-g.padding.left),
      taps_height: Int32(g.height), taps_width: Int32(g.width), out_height: Int32(output.height),
      out_width: Int32(output.width), out_stride: 1, out_y: 0, out_x: 0)
    // The order of sums depends on the bands: an image is cut as if it were alone, unless images meet in training anyway.
    bands = correlation.isTrained ? max((Tasks.fewest + images - 1) / images, 1) : Tasks.fewest
    let rowFloats = output.width * (correlation.outChannels + correlation.inChannels)
    stripRows = min(max(Col2ImGradient.stripBudget / rowFloats, 1), output.height)
  }

  private var stripPositions: Int { stripRows * Int(window.grid_width) }
  private var productBlocks: Int { Tensor.blocks(correlation.outChannels) }
  private var blockedFloats: Int { productBlocks * Tensor.blockSize * stripPositions }
  private var productFloats: Int { correlation.outChannels * stripPositions }
  // Pointers and output offsets are as large as two floats each.
  private var indirectionFloats: Int { 4 * stripPositions }
  private var bandFloats: Int { channels * ((Int(window.height) + bands - 1) / bands) * Int(window.width) }

  var scratch: Int {
    indirectionFloats + blockedFloats + productFloats + bandFloats
      + withUnsafePointer(to: window) { Int(rt_col2im_line($0)) * Int($0.pointee.stride) }
  }

  func run(
    _ gradient: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  ) {
    let (height, width) = (Int(window.height), Int(window.width))
    let (gridHeight, gridWidth) = (Int(window.grid_height), Int(window.grid_width))
    let stride = Int(window.stride)
    correlation.refresh(weights, .packed)
    Workers.shared.run(images * bands) { task, worker in
      let (image, band) = task.quotientAndRemainder(dividingBy: bands)
      let (top, bottom) = (height * band / bands, height * (band + 1) / bands)
      guard top < bottom else { return }
      // Output row q sees input rows q·stride + top ..< q·stride + top + taps.
      let (firstSeen, taps) = (Int(window.top), Int(window.taps_height))
      let first = max(top - firstSeen - taps + stride, 0) / stride
      let end = min((bottom - 1 - firstSeen) / stride + 1, gridHeight)
      let blocked = scratch[worker] + indirectionFloats
      let (products, area) = (blocked + blockedFloats, (bottom - top) * width)
      let sums = products + productFloats
      rt_fill(sums, 0, channels * area)
      for row in Swift.stride(from: first, to: end, by: stripRows) {
        let rows = min(stripRows, end - row)
        multiply(
          products, blocked, gradient, (image * gridHeight + row) * gridWidth, rows * gridWidth,
          scratch[worker]
        )
        withUnsafePointer(to: window) {
          rt_col2im(
            sums - top * width, area, Int32(channels), $0, products, rows * gridWidth, Int32(row),
            Int32(rows),
            Int32(top), Int32(bottom), sums + bandFloats)
        }
      }
      rt_planar_to_blocked(
        output + (image * height + top) * width * Tensor.blockSize, sums, area, Int32(channels), area, nil,
        nil,
        epilogue.accumulate)
    }
  }

  /// Makes the products of positions first..<first + count, over all images.
  /// - Parameters:
  ///   - products: [channel][tap][position]
  ///   - blocked: the same products as [block][position][16], scratch
  private func multiply(
    _ products: UnsafeMutablePointer<Float>, _ blocked: UnsafeMutablePointer<Float>,
    _ gradient: UnsafePointer<Float>, _ first: Int, _ count: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    var (pointwise, epilogue) = (window, rt_epilogue())
    (pointwise.height, pointwise.width, pointwise.stride) = (pointwise.grid_height, pointwise.grid_width, 1)
    (pointwise.top, pointwise.left, pointwise.taps_height, pointwise.taps_width) = (0, 0, 1, 1)
    let pointers = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UnsafePointer<Float>?.self)
    let offsets = UnsafeMutableRawPointer(scratch + 2 * stripPositions).assumingMemoryBound(to: Int.self)
    let (rows, size) = (correlation.outChannels, count * Tensor.blockSize)
    rt_fill_indirection(
      pointers, offsets, gradient, &pointwise, images, first, count, rt_micro_tile_positions(rows))
    UnsafeRawPointer(pointers).withMemoryRebound(to: UnsafePointer<Float>.self, capacity: count) { pointers in
      var columns = rt_indirection(
        pointers: pointers, taps: 1, blocks: correlation.seenBlocks, block_stride: inBlockStride,
        format: RT_F32, accumulate: false)
      rt_gemm(
        blocked - first * Tensor.blockSize, size, offsets, weights.base, nil, &columns, rows, count, false,
        &epilogue)
    }
    for block in 0..<productBlocks {
      let row = block * Tensor.blockSize
      rt_blocked_to_planar(
        products + row * count, count, blocked + block * size, Int32(min(Tensor.blockSize, rows - row)),
        count,
        nil)
    }
  }
}
