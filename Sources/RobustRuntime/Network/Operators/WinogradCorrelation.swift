import CKernels

/// A 3x3 correlation in tiles of outputs, by Winograd's algorithm.
struct WinogradCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let side: Int
  private let weights: PackedWeights
  /// Whether the weights are the convolution's, of which blocks are transposed when they are needed.
  private let transposes: Bool
  private let window: rt_window
  private let images, inStep, outStep: Int
  /// Over all images.
  private let tiles: Int
  private let pieceRows, pieceTiles: Int
  private let rowPieces, tilePieces: Int
  /// Few columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool
  /// Whether products are of bfloat16.
  private let pairs: Bool
  /// Words of a tile's columns, for one of the products.
  private let depth: Int

  let canMask = true
  let isEmpty = false

  /// Floats of columns that stay in a core's second-level cache beside the weights.
  private static let columnBudget = 1 << 16
  /// Floats of columns that are shared at most.
  private static let sharedBudget = 5 << 17
  /// Tiles that are transformed at a time where columns are shared.
  private static let tilesAtOnce = 4

  init(
    _ correlation: Correlation, side: Int, pairs: Bool, images: Int, from input: Shape, to output: Shape,
    _ window: rt_window
  ) throws {
    (self.correlation, self.side, self.pairs) = (correlation, side, pairs)
    (self.images, self.window) = (images, window)
    (inStep, outStep) = (input.step(images: images), output.step(images: images))
    let (height, width) = (Int(window.grid_height), Int(window.grid_width))
    tiles = images * ((height + side - 1) / side) * ((width + side - 1) / side)
    depth = correlation.transformedDepth(pairs: pairs)

    let (products, mostTiles, rows) = (
      CorrelationMethod.products(side: side), Int(RT_MOST_TILES), Int(RT_ROWS)
    )
    sharesColumns = tiles <= mostTiles && products * tiles * depth <= WinogradCorrelation.sharedBudget
    if sharesColumns {
      // Two blocks of rows at a time take less time, but must leave enough pieces.
      let pairs = (correlation.outChannels + 2 * rows - 1) / (2 * rows)
      pieceTiles = tiles
      pieceRows =
        pairs >= Pieces.fewest ? max(pairs / (2 * Pieces.fewest), 1) * 2 * rows : rows
    } else {
      // With fewer tiles than half of the most the weights would be read too often.
      let most = min(max(WinogradCorrelation.columnBudget / (products * depth), mostTiles / 2), mostTiles)
      let pieces = Pieces.whole((tiles + most - 1) / most)
      (pieceTiles, pieceRows) = ((tiles + pieces - 1) / pieces, correlation.outChannels)
    }
    // Transposing pays where each block is used by one piece.
    let arrangement = Correlation.Arrangement.transformed(side: side, pairs: pairs)
    let shared = sharesColumns ? correlation.weightsToTranspose(arrangement) : nil
    transposes = shared != nil
    weights = try shared ?? correlation.weights(arrangement)
    tilePieces = (tiles + pieceTiles - 1) / pieceTiles
    rowPieces = (correlation.outChannels + pieceRows - 1) / pieceRows
  }

  /// From one product's columns to the next; so much more than they have that these do not all meet in the same
  /// part of a cache.
  private var step: Int { pieceTiles * depth + 16 }
  private var columnFloats: Int { CorrelationMethod.products(side: side) * step }
  private var blockFloats: Int { 2 * ((depth + 31) / 32) * Int(RT_SQUARE) }
  private var productFloats: Int { rt_winograd_scratch(Int32(side), pieceTiles) }

  var scratch: Int { productFloats + (transposes ? blockFloats : sharesColumns ? 0 : columnFloats) }
  var sharedScratch: Int { sharesColumns ? columnFloats : 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    let (c, products, blocks) = (correlation, CorrelationMethod.products(side: side), correlation.seenBlocks)
    c.refresh(weights, .transformed(side: side, pairs: pairs))
    if sharesColumns {
      let atOnce = WinogradCorrelation.tilesAtOnce
      Workers.shared.run((tiles + atOnce - 1) / atOnce) { part, _ in
        withTiles(part * atOnce, atOnce) {
          rt_winograd_input(scratch.shared + part * atOnce * depth, input, inStep, blocks, $0)
        }
      }
    }
    Workers.shared.run(rowPieces * tilePieces) { piece, worker in
      let (rowPiece, tilePiece) = piece.quotientAndRemainder(dividingBy: tilePieces)
      let row = rowPiece * pieceRows
      let own = scratch[worker]
      let columns = sharesColumns ? scratch.shared : own + productFloats
      var parts = finish.parts(channel: row, step: outStep)
      let transposed = rt_transposed(ins: c.outChannels, block: own + productFloats)
      let first = transposes ? row * Int(RT_ROWS) : row * products * depth
      let rows = min(pieceRows, c.outChannels - row)
      withTiles(tilePiece * pieceTiles, pieceTiles) { tiles in
        if !sharesColumns { rt_winograd_input(columns, input, inStep, blocks, tiles) }
        withUnsafePointer(to: transposed) { transposed in
          rt_winograd_output(
            output + row / Tensor.lanes * outStep, outStep, weights.base + first,
            transposes ? transposed : nil, columns, rows, row + rows < c.outChannels, tiles, &parts, own)
        }
      }
    }
  }

  /// Tiles from the first one on, as many as there are.
  private func withTiles(_ first: Int, _ count: Int, _ body: (UnsafePointer<rt_tiles>) -> Void) {
    withUnsafePointer(to: window) { window in
      var part = rt_tiles(
        window: window, side: Int32(side), turned: correlation.turnsMaps, images: images, first: first,
        count: min(count, tiles - first), depth: depth, step: step, block: Tensor.lanes,
        pairing: pairs ? RT_CHANNEL_PAIRS : RT_FLOATS)
      body(&part)
    }
  }
}
