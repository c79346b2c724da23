import CKernels

/// A 3x3 correlation in tiles of outputs, by Winograd's algorithm.
struct WinogradCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let side: Int
  private let weights: FloatBlock
  /// Whether the weights are the convolution's, of which blocks are transposed when they are needed.
  private let transposes: Bool
  private let window: rt_window
  private let inPlane, outPlane: Int
  /// Over all images.
  private let tiles: Int
  private let pieceRows, pieceTiles: Int
  private let rowPieces, tilePieces: Int
  /// Few columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool
  /// Floats of a tile's columns, for one of the products.
  private let depth: Int

  let canMask = true
  let isEmpty = false

  init(_ correlation: Correlation, side: Int, images: Int, _ window: rt_window) throws {
    (self.correlation, self.side, self.window) = (correlation, side, window)
    let (height, width) = (Int(window.grid_height), Int(window.grid_width))
    inPlane = images * Int(window.height) * Int(window.width)
    outPlane = images * height * width
    tiles = images * ((height + side - 1) / side) * ((width + side - 1) / side)
    depth = (correlation.inChannels + 15) / 16 * 16

    let (products, panel) = (CorrelationMethod.products(side: side), Int(RT_PANEL))
    sharesColumns = tiles <= panel && products * tiles * depth <= Pieces.sharedBudget
    if sharesColumns {
      (pieceTiles, pieceRows) = (tiles, Pieces.rows(outputs: correlation.outChannels))
    } else {
      // Fewer tiles than half a panel would have the weights read too often.
      let most = min(max(Pieces.columnBudget / (products * depth), panel / 2), panel)
      let pieces = Pieces.whole((tiles + most - 1) / most)
      (pieceTiles, pieceRows) = ((tiles + pieces - 1) / pieces, correlation.outChannels)
    }
    // Transposing pays where each block is used by one piece.
    let shared = sharesColumns ? correlation.weightsToTranspose(.transformed(side: side)) : nil
    transposes = shared != nil
    weights = try shared ?? correlation.weights(.transformed(side: side))
    tilePieces = (tiles + pieceTiles - 1) / pieceTiles
    rowPieces = (correlation.outChannels + pieceRows - 1) / pieceRows
  }

  /// From one product's columns to the next; so much more than they have that these do not all meet in the same
  /// part of a cache.
  private var step: Int { pieceTiles * depth + 16 }
  private var columnFloats: Int { CorrelationMethod.products(side: side) * step }
  private var blockFloats: Int { (correlation.inChannels + 31) / 32 * 32 * Int(RT_MANY_ROWS) }
  var scratch: Int { transposes ? blockFloats : sharesColumns ? 0 : columnFloats }
  var sharedScratch: Int { sharesColumns ? columnFloats : 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    let (c, products) = (correlation, CorrelationMethod.products(side: side))
    if sharesColumns {
      let (atOnce, channels) = (Pieces.channelsAtOnce, c.inChannels)
      Workers.shared.run((channels + atOnce - 1) / atOnce) { part, _ in
        let first = part * atOnce
        withTiles(0) {
          rt_winograd_input(
            scratch.shared + first, input + first * inPlane, inPlane, Int32(min(atOnce, channels - first)), $0
          )
        }
      }
    }
    Workers.shared.run(rowPieces * tilePieces) { piece, worker in
      let (rowPiece, tilePiece) = piece.quotientAndRemainder(dividingBy: tilePieces)
      let row = rowPiece * pieceRows
      let columns = sharesColumns ? scratch.shared : scratch[worker]
      var parts = finish.parts(channel: row, plane: outPlane)
      let transposed = rt_transposed(ins: c.outChannels, block: scratch[worker])
      let first = transposes ? row * Int(RT_MANY_ROWS) : row * products * c.inChannels
      withTiles(tilePiece) { tiles in
        if !sharesColumns { rt_winograd_input(columns, input, inPlane, Int32(c.inChannels), tiles) }
        withUnsafePointer(to: transposed) { transposed in
          rt_winograd_output(
            output + row * outPlane, outPlane, weights.base + first, transposes ? transposed : nil, columns,
            Int32(c.inChannels), min(pieceRows, c.outChannels - row), tiles, &parts)
        }
      }
    }
  }

  private func withTiles(_ piece: Int, _ body: (UnsafePointer<rt_tiles>) -> Void) {
    withUnsafePointer(to: window) { window in
      let first = piece * pieceTiles
      var part = rt_tiles(
        window: window, side: Int32(side), turned: correlation.turnsMaps, first: first,
        count: min(pieceTiles, tiles - first), depth: depth,
        step: step)
      body(&part)
    }
  }
}
