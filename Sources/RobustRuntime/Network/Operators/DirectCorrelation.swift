import CKernels

/// A correlation as an indirect GEMM: the micro-kernel reads what the window covers where it lies, through
/// pointers. Where channels are so few that they would leave most of a block empty, im2col copies it side by side
/// first.
struct DirectCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let weights: PackedWeights
  /// Whether the weights are the convolution's, of which row blocks are transposed when they are needed.
  private let transposes: Bool
  private let window: rt_window
  private let images, inBlockStride, outBlockStride: Int
  /// Positions of the grid, over all images.
  private let positions: Int
  private let rowTasks, positionTasks: Int

  let isEmpty: Bool

  /// Floats of the input that stay in a core's second-level cache beside the weights.
  private static let inputBudget = 1 << 16
  /// The number of micro-tiles from which on positions are shared out, so that each thread meets its own part of
  /// the maps again.
  private static let leastMicroTiles = 16

  init(_ correlation: Correlation, images: Int, from input: Shape, to output: Shape, _ window: rt_window)
    throws
  {
    let c = correlation
    (self.correlation, self.window, self.images) = (c, window, images)
    (inBlockStride, outBlockStride) = (input.blockStride(images: images), output.blockStride(images: images))
    isEmpty = c.depth == 0
    positions = images * Int(window.grid_height) * Int(window.grid_width)

    let microTiles = (positions + Int(RT_NR_DOUBLE) - 1) / Int(RT_NR_DOUBLE)
    if microTiles < DirectCorrelation.leastMicroTiles {
      positionTasks = 1
    } else {
      let read = max(input.channelBlocks * inBlockStride, c.usesIm2Col ? positions * c.depth : 0)
      positionTasks = min(Tasks.balanced(read / DirectCorrelation.inputBudget + 1), microTiles)
    }
    let rowBlockPairs = (c.allOutputs + 2 * Int(RT_MR) - 1) / (2 * Int(RT_MR))
    rowTasks = max(min(rowBlockPairs, (2 * Tasks.fewest + positionTasks - 1) / positionTasks), 1)
    // Transposing pays where each row block is used by one task.
    let shared = positionTasks == 1 ? c.weightsToTranspose(.packed) : nil
    transposes = shared != nil
    weights = try shared ?? c.weights(.packed)
  }

  /// Positions of a task, at most.
  private var mostPositions: Int {
    let microTile = Int(RT_NR_DOUBLE)
    return ((positions + microTile - 1) / microTile + positionTasks - 1) / positionTasks * microTile
  }

  // Pointers and output offsets are as large as two floats each.
  private var pointerFloats: Int {
    2 * mostPositions * (correlation.usesIm2Col ? 1 : correlation.window.taps)
  }
  private var offsetFloats: Int { 2 * mostPositions }
  private var patchFloats: Int {
    correlation.usesIm2Col ? mostPositions * correlation.depth + Tensor.blockSize : 0
  }
  private var transposedFloats: Int {
    transposes ? 2 * ((correlation.depth + 31) / 32) * Int(RT_SQUARE) : 0
  }

  var scratch: Int { pointerFloats + offsetFloats + patchFloats + transposedFloats }
  let sharedScratch = 0
  var canMask: Bool { !isEmpty }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  ) {
    guard !isEmpty, positions > 0 else { return }
    correlation.refresh(weights, .packed)
    let (c, pairRows, blockSize) = (correlation, 2 * Int(RT_MR), Tensor.blockSize)
    let (outputs, rowBlockPairs) = (c.allOutputs, (c.allOutputs + pairRows - 1) / pairRows)
    Workers.shared.run(rowTasks * positionTasks) { task, worker in
      let (positionTask, rowTask) = task.quotientAndRemainder(dividingBy: rowTasks)
      let (first, end) = (firstPosition(of: positionTask), firstPosition(of: positionTask + 1))
      let rows =
        rowBlockPairs * rowTask / rowTasks
        * pairRows..<min(rowBlockPairs * (rowTask + 1) / rowTasks * pairRows, outputs)
      // In groups, each row block sees other channels.
      let atOnce = c.groups == 1 ? rows.count : Int(RT_MR)
      for row in stride(from: rows.lowerBound, to: rows.upperBound, by: max(atOnce, 1)) {
        let count = min(atOnce, rows.upperBound - row)
        let firstBlock = input + c.firstChannelBlock(ofRow: row) * inBlockStride
        let own = scratch[worker]
        withIndirection(firstBlock, first, end - first, rt_micro_tile_positions(count), own) {
          offsets, columns in
          var rowEpilogue = epilogue.from(channel: row, blockStride: outBlockStride)
          let weights =
            weights.base + (transposes ? row * Int(RT_MR) : row * c.depth)
          let transposed = rt_transposed_weights(
            ins: outputs, block: own + pointerFloats + offsetFloats + patchFloats)
          withUnsafePointer(to: transposed) {
            rt_gemm(
              output + row / blockSize * outBlockStride, outBlockStride, offsets, weights,
              transposes ? $0 : nil,
              columns, count, end - first, row + count < outputs, &rowEpilogue)
          }
        }
      }
    }
  }

  private func firstPosition(of task: Int) -> Int {
    let microTile = Int(RT_NR_DOUBLE)
    return min((positions + microTile - 1) / microTile * task / positionTasks * microTile, positions)
  }

  /// Calls `body` with the output offsets of some positions, and with the indirection buffer of what they see.
  private func withIndirection(
    _ input: UnsafePointer<Float>, _ first: Int, _ count: Int, _ microTile: Int,
    _ scratch: UnsafeMutablePointer<Float>,
    _ body: (_ outOffsets: UnsafePointer<Int>, UnsafePointer<rt_indirection>) -> Void
  ) {
    let c = correlation
    let pointers = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UnsafePointer<Float>?.self)
    let offsets = UnsafeMutableRawPointer(scratch + pointerFloats).assumingMemoryBound(to: Int.self)
    let patches = scratch + pointerFloats + offsetFloats
    withUnsafePointer(to: window) { window in
      var patchWindow = window.pointee
      if c.usesIm2Col {
        // A patch is seen as one tap; where it is written does not change.
        (patchWindow.taps_height, patchWindow.taps_width) = (1, 1)
        rt_fill_indirection(pointers, offsets, input, &patchWindow, images, first, count, microTile)
        rt_im2col(patches, input, Int32(c.inChannels), window, images, first, count, c.depth)
        for k in 0..<count { pointers[k] = UnsafePointer(patches + k * c.depth) }
      } else {
        rt_fill_indirection(pointers, offsets, input, window, images, first, count, microTile)
      }
    }
    UnsafeRawPointer(pointers).withMemoryRebound(to: UnsafePointer<Float>.self, capacity: count) { pointers in
      var columns = rt_indirection(
        pointers: pointers, taps: c.usesIm2Col ? 1 : c.window.taps,
        blocks: c.usesIm2Col ? c.depth / Tensor.blockSize : c.seenBlocks,
        block_stride: c.usesIm2Col ? Tensor.blockSize : inBlockStride, format: RT_F32, accumulate: false)
      body(offsets, &columns)
    }
  }
}
