import CKernels

/// A correlation as sums of products of what the window sees, where it lies, by rows of weights. Where channels are so few
/// that they would leave most lanes empty, what a position sees is copied side by side first.
struct DirectCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let weights: PackedWeights
  /// Whether the weights are the convolution's, of which blocks are transposed when they are needed.
  private let transposes: Bool
  private let window: rt_window
  private let images, inStep, outStep: Int
  /// Of the grid, over all images.
  private let positions: Int
  private let rowPieces, positionPieces: Int

  let isEmpty: Bool

  /// Floats of the input that stay in a core's second-level cache beside the weights.
  private static let inputBudget = 1 << 16
  /// From so many tiles on, positions are shared out, so that each thread meets its own part of the maps again.
  private static let leastTiles = 16

  init(_ correlation: Correlation, images: Int, from input: Shape, to output: Shape, _ window: rt_window)
    throws
  {
    let c = correlation
    (self.correlation, self.window, self.images) = (c, window, images)
    (inStep, outStep) = (input.step(images: images), output.step(images: images))
    isEmpty = c.depth == 0
    positions = images * Int(window.grid_height) * Int(window.grid_width)

    let tiles = (positions + Int(RT_PAIR_POSITIONS) - 1) / Int(RT_PAIR_POSITIONS)
    if tiles < DirectCorrelation.leastTiles {
      positionPieces = 1
    } else {
      let seen = max(input.channelBlocks * inStep, c.usesPatches ? positions * c.depth : 0)
      positionPieces = min(Pieces.whole(seen / DirectCorrelation.inputBudget + 1), tiles)
    }
    let pairs = (c.allOutputs + 2 * Int(RT_ROWS) - 1) / (2 * Int(RT_ROWS))
    rowPieces = max(min(pairs, (2 * Pieces.fewest + positionPieces - 1) / positionPieces), 1)
    // Transposing pays where each block is used by one piece.
    let shared = positionPieces == 1 ? c.weightsToTranspose(.packed) : nil
    transposes = shared != nil
    weights = try shared ?? c.weights(.packed)
  }

  private var mostPositions: Int {
    let tile = Int(RT_PAIR_POSITIONS)
    return ((positions + tile - 1) / tile + positionPieces - 1) / positionPieces * tile
  }

  // Pointers and places are as large as two floats each.
  private var pointerFloats: Int {
    2 * mostPositions * (correlation.usesPatches ? 1 : correlation.window.taps)
  }
  private var placeFloats: Int { 2 * mostPositions }
  private var patchFloats: Int {
    correlation.usesPatches ? mostPositions * correlation.depth + Tensor.lanes : 0
  }
  private var blockFloats: Int {
    transposes ? 2 * ((correlation.depth + 31) / 32) * Int(RT_SQUARE) : 0
  }

  var scratch: Int { pointerFloats + placeFloats + patchFloats + blockFloats }
  let sharedScratch = 0
  var canMask: Bool { !isEmpty }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    guard !isEmpty, positions > 0 else { return }
    correlation.refresh(weights, .packed)
    let (c, pair, lanes) = (correlation, 2 * Int(RT_ROWS), Tensor.lanes)
    let (outputs, pairs) = (c.allOutputs, (c.allOutputs + pair - 1) / pair)
    Workers.shared.run(rowPieces * positionPieces) { piece, worker in
      let (positionPiece, rowPiece) = piece.quotientAndRemainder(dividingBy: rowPieces)
      let (first, end) = (firstPosition(of: positionPiece), firstPosition(of: positionPiece + 1))
      let rows = pairs * rowPiece / rowPieces * pair..<min(pairs * (rowPiece + 1) / rowPieces * pair, outputs)
      // In groups, each block of rows sees other channels.
      let atOnce = c.groups == 1 ? rows.count : Int(RT_ROWS)
      for row in stride(from: rows.lowerBound, to: rows.upperBound, by: max(atOnce, 1)) {
        let count = min(atOnce, rows.upperBound - row)
        let seen = input + c.firstChannelBlock(ofRow: row) * inStep
        let own = scratch[worker]
        withTerms(seen, first, end - first, tile: rt_tile_positions(count), own) { places, terms in
          var parts = finish.parts(channel: row, step: outStep)
          let weights =
            weights.base + (transposes ? row * Int(RT_ROWS) : row * c.depth)
          let transposed = rt_transposed(
            ins: outputs, block: own + pointerFloats + placeFloats + patchFloats)
          withUnsafePointer(to: transposed) {
            rt_product(
              output + row / lanes * outStep, outStep, places, weights, transposes ? $0 : nil, terms, count,
              end - first, row + count < outputs, &parts)
          }
        }
      }
    }
  }

  private func firstPosition(of piece: Int) -> Int {
    let tile = Int(RT_PAIR_POSITIONS)
    return min((positions + tile - 1) / tile * piece / positionPieces * tile, positions)
  }

  /// Calls `body` with where positions are written, and the terms of their sums.
  private func withTerms(
    _ input: UnsafePointer<Float>, _ first: Int, _ count: Int, tile: Int,
    _ scratch: UnsafeMutablePointer<Float>,
    _ body: (UnsafePointer<Int>, UnsafePointer<rt_terms>) -> Void
  ) {
    let c = correlation
    let from = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UnsafePointer<Float>?.self)
    let places = UnsafeMutableRawPointer(scratch + pointerFloats).assumingMemoryBound(to: Int.self)
    let patches = scratch + pointerFloats + placeFloats
    withUnsafePointer(to: window) { window in
      var seen = window.pointee
      if c.usesPatches {
        // A patch is seen as one tap; where it is written does not change.
        (seen.taps_height, seen.taps_width) = (1, 1)
        rt_places(from, places, input, &seen, images, first, count, tile)
        rt_patches(patches, input, Int32(c.inChannels), window, images, first, count, c.depth)
        for k in 0..<count { from[k] = UnsafePointer(patches + k * c.depth) }
      } else {
        rt_places(from, places, input, window, images, first, count, tile)
      }
    }
    UnsafeRawPointer(from).withMemoryRebound(to: UnsafePointer<Float>.self, capacity: count) { from in
      var terms = rt_terms(
        from: from, taps: c.usesPatches ? 1 : c.window.taps,
        blocks: c.usesPatches ? c.depth / Tensor.lanes : c.seenBlocks,
        step: c.usesPatches ? Tensor.lanes : inStep, pairs: false)
      body(places, &terms)
    }
  }
}
