import CKernels

/// A 3x3 correlation of stride 1 by Winograd's algorithm.
struct WinogradCorrelation: BoundCorrelation {
  private let correlation: Correlation
  /// The side of a tile.
  private let side: Int
  /// RT_F32, or RT_BF16: the format of the products.
  private let format: rt_format
  /// Nil: each task packs those of its own rows.
  private let weights: PackedWeights?
  /// Whether the weights are windows, which are transformed each time.
  private let transformsWindows: Bool
  /// Whether the weights are the convolution's, of which row blocks are transposed when they are needed.
  private let transposes: Bool
  private let window: rt_window
  private let images, inBlockStride, outBlockStride: Int
  /// Tiles over all images.
  private let tiles: Int
  private let taskRows, taskTiles: Int
  private let rowTasks, tileTasks: Int
  /// Whether inputs are transformed first and shared by the tasks, each of which takes all tiles, as few are; else each
  /// task transforms its own.
  private let sharesInputs: Bool
  /// K of a product: floats of a transformed tile.
  private let depth: Int

  let canMask = true
  let isEmpty = false

  /// Floats of transformed inputs that stay in a core's second-level cache beside the weights.
  private static let inputBudget = 1 << 16
  /// Floats of transformed inputs that are shared at most.
  private static let sharedBudget = 5 << 17
  /// Tiles that are transformed at a time where inputs are shared.
  private static let tilesAtOnce = 4

  init(
    _ correlation: Correlation, side: Int, _ format: rt_format, images: Int, from input: Shape,
    to output: Shape,
    _ window: rt_window
  ) throws {
    (self.correlation, self.side, self.format) = (correlation, side, format)
    (self.images, self.window) = (images, window)
    (inBlockStride, outBlockStride) = (input.blockStride(images: images), output.blockStride(images: images))
    let (height, width) = (Int(window.grid_height), Int(window.grid_width))
    tiles = images * ((height + side - 1) / side) * ((width + side - 1) / side)
    depth = correlation.winogradDepth(format)

    let (products, mostTiles, rows) = (
      Convolution.Algorithm.winogradProducts(side: side), Int(RT_MAX_WINOGRAD_TILES), Int(RT_MR)
    )
    // Where inputs take less memory than weights that are trained, those are packed in caches.
    let packsRows = correlation.isTrained && tiles <= correlation.outChannels
    transformsWindows =
      images > 0
      && Convolution.Algorithm.transformsWindows(correlation, side: side, tilesOfImage: tiles / images)
    sharesInputs =
      packsRows || transformsWindows
      || tiles <= mostTiles && products * tiles * depth <= WinogradCorrelation.sharedBudget
    if sharesInputs {
      // Two row blocks at a time take less time, but must leave enough tasks.
      let rowBlockPairs = (correlation.outChannels + 2 * rows - 1) / (2 * rows)
      taskTiles = tiles
      taskRows =
        rowBlockPairs >= Tasks.fewest ? max(rowBlockPairs / (2 * Tasks.fewest), 1) * 2 * rows : rows
    } else {
      // With fewer tiles than half of the most the weights would be read too often.
      let most = min(max(WinogradCorrelation.inputBudget / (products * depth), mostTiles / 2), mostTiles)
      let tasks = Tasks.balanced((tiles + most - 1) / most)
      (taskTiles, taskRows) = ((tiles + tasks - 1) / tasks, correlation.outChannels)
    }
    // Transposing pays where each row block is used by one task.
    let arrangement: Correlation.Arrangement = transformsWindows ? .windows : .winograd(side: side, format)
    let shared = sharesInputs ? correlation.weightsToTranspose(arrangement) : nil
    transposes = shared != nil
    weights = try packsRows ? nil : shared ?? correlation.weights(arrangement)
    tileTasks = (tiles + taskTiles - 1) / taskTiles
    rowTasks = (correlation.outChannels + taskRows - 1) / taskRows
  }

  /// Floats from one product's inputs to the next; so much more than they have that these do not all meet in the same
  /// part of a cache.
  private var productStride: Int { taskTiles * depth + 16 }
  private var inputFloats: Int { Convolution.Algorithm.winogradProducts(side: side) * productStride }
  private var transposedFloats: Int { 2 * ((depth + 31) / 32) * Int(RT_SQUARE) }
  private var productFloats: Int {
    let tiles = min(taskTiles, Int(RT_MAX_WINOGRAD_TILES))
    return transformsWindows
      ? rt_winograd_window_scratch(Int32(side), tiles) : rt_winograd_scratch(Int32(side), tiles)
  }
  private var arrangement: Correlation.Arrangement {
    transformsWindows ? .windows : .winograd(side: side, format)
  }
  private var packedFloats: Int { taskRows / Int(RT_MR) * correlation.blockFloats(arrangement) }

  var scratch: Int {
    if weights == nil { return productFloats + packedFloats }
    if transformsWindows { return productFloats }
    return productFloats + (transposes ? transposedFloats : sharesInputs ? 0 : inputFloats)
  }
  var sharedScratch: Int { sharesInputs ? inputFloats : 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  ) {
    let (c, blocks) = (correlation, correlation.seenBlocks)
    if let weights { c.refresh(weights, arrangement) }
    if sharesInputs {
      let atOnce = WinogradCorrelation.tilesAtOnce
      Workers.shared.run((tiles + atOnce - 1) / atOnce) { task, _ in
        withTiles(task * atOnce, atOnce) {
          rt_winograd_input(scratch.shared + task * atOnce * depth, input, inBlockStride, blocks, $0)
        }
      }
    }
    Workers.shared.run(rowTasks * tileTasks) { task, worker in
      let (rowTask, tileTask) = task.quotientAndRemainder(dividingBy: tileTasks)
      let row = rowTask * taskRows
      let rows = min(taskRows, c.outChannels - row)
      let own = scratch[worker]
      if sharesInputs {
        let weights = weights(ofRows: row..<row + rows, own + productFloats)
        let atOnce = Int(RT_MAX_WINOGRAD_TILES)
        for first in stride(from: 0, to: tiles, by: atOnce) {
          withTiles(first, atOnce) {
            multiply(
              weights, scratch.shared + first * depth, to: output, $0, row..<row + rows, epilogue, own)
          }
        }
      } else {
        let inputs = own + productFloats
        withTiles(tileTask * taskTiles, taskTiles) { tiles in
          rt_winograd_input(inputs, input, inBlockStride, blocks, tiles)
          multiply(
            weights(ofRows: row..<row + rows, own), inputs, to: output, tiles, row..<row + rows, epilogue, own
          )
        }
      }
    }
  }

  /// The packed weights of a task's rows; where each task packs its own, to `scratch`.
  private func weights(
    ofRows rows: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    let height = Int(RT_MR)
    guard let weights else {
      correlation.pack(
        arrangement, rowBlocks: rows.lowerBound / height..<(rows.upperBound + height - 1) / height,
        to: scratch)
      return UnsafePointer(scratch)
    }
    if transformsWindows {
      return UnsafePointer(weights.base) + rows.lowerBound / height * windowStrides.rows
    }
    let products = Convolution.Algorithm.winogradProducts(side: side)
    return UnsafePointer(weights.base) + rows.lowerBound * (transposes ? height : products * depth)
  }

  /// Floats from the windows of 32 rows to those of the next, and from those of 32 inputs to those of the next.
  private var windowStrides: (rows: Int, depth: Int) {
    let block = Int(RT_SQUARE) * correlation.window.taps
    let blocks = (transposes ? correlation.outChannels : correlation.windowDepth) / Int(RT_MR)
    return transposes ? (block, blocks * block) : (blocks * block, block)
  }

  /// Multiplies the inputs of some tiles with the weights of some rows, and writes these rows of the output.
  private func multiply(
    _ weights: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>,
    _ tiles: UnsafePointer<rt_winograd_tiles>, _ rows: Range<Int>, _ epilogue: Epilogue,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (row, outs) = (rows.lowerBound, correlation.outChannels)
    var rowEpilogue = epilogue.from(channel: row, blockStride: outBlockStride)
    if transformsWindows {
      let strides = windowStrides
      rt_winograd_output_by_windows(
        output + row / Tensor.blockSize * outBlockStride, outBlockStride, weights, strides.rows,
        strides.depth,
        transposes, inputs, rows.count, tiles, &rowEpilogue, scratch)
      return
    }
    let transposed = rt_transposed_weights(ins: outs, block: scratch + productFloats)
    withUnsafePointer(to: transposed) { transposed in
      rt_winograd_output(
        output + row / Tensor.blockSize * outBlockStride, outBlockStride, weights,
        transposes ? transposed : nil, inputs, rows.count, rows.upperBound < outs && self.weights != nil,
        tiles, &rowEpilogue, scratch)
    }
  }

  /// Calls `body` with tiles from the first one on, as many as there are.
  private func withTiles(_ first: Int, _ count: Int, _ body: (UnsafePointer<rt_winograd_tiles>) -> Void) {
    withUnsafePointer(to: window) { window in
      var some = rt_winograd_tiles(
        window: window, side: Int32(side), rotated: correlation.rotatesMaps, images: images, first: first,
        count: min(count, tiles - first), depth: depth, product_stride: productStride,
        block_stride: Tensor.blockSize, packing: format == RT_F32 ? RT_NOT_PACKED : RT_PACKED_CHANNELS)
      body(&some)
    }
  }
}
