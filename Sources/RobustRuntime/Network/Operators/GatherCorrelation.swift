import CKernels

/// A correlation as a matrix product: what the window sees is gathered in columns, which are multiplied with
/// rows of weights.
struct GatherCorrelation: BoundCorrelation {
  private let correlation: Correlation
  /// Whether rows lie side by side in the registers, instead of positions.
  private let manyRows: Bool
  private let weights: FloatBlock
  /// Whether the weights are the convolution's, of which blocks are transposed when they are needed.
  private let transposes: Bool
  private let inPlane, outPlane: Int
  private let outHeight, outWidth: Int
  private let window: rt_window
  /// Of the grid, over all images.
  private let positions: Int
  /// Rows of a piece, and the most positions of one.
  private let pieceRows, mostPositions: Int
  private let rowPieces, positionPieces: Int
  /// Few columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool

  init(
    _ correlation: Correlation, manyRows: Bool, images: Int, from input: Shape, to output: Shape,
    _ window: rt_window
  ) throws {
    let (c, panel, many) = (correlation, Int(RT_PANEL), Int(RT_MANY_ROWS))
    (self.correlation, self.manyRows, self.window) = (correlation, manyRows, window)
    inPlane = images * input.height * input.width
    outPlane = images * output.height * output.width
    (outHeight, outWidth) = (output.height, output.width)
    positions = images * Int(window.grid_height) * Int(window.grid_width)
    let block = manyRows ? many : Int(RT_ROWS)
    let panels = (positions + panel - 1) / panel
    sharesColumns =
      c.groups == 1 && panels <= 8 && panels * panel * c.depth <= Pieces.sharedBudget
    // Transposing pays where each block is used by one piece.
    let shared = sharesColumns && manyRows ? c.weightsToTranspose(.packed(block: block)) : nil
    transposes = shared != nil
    weights = try shared ?? c.weights(.packed(block: block))

    // Positions that share a pass over the weights, in whole panels.
    if sharesColumns {
      (positionPieces, mostPositions) = (1, max(panels, 1) * panel)
    } else {
      let most = max(Pieces.columnBudget / max(c.depth, 1) / panel, 1)
      positionPieces = min(Pieces.whole((panels + most - 1) / most), max(panels, 1))
      mostPositions = (panels + positionPieces - 1) / positionPieces * panel
    }
    // By rows too where there are few positions.
    if sharesColumns {
      pieceRows = Pieces.rows(outputs: c.outChannels)
    } else {
      let blocks = c.paddedOutputs(block: block) / block
      let parts = min(
        max(Pieces.fewest / max(positionPieces * c.groups, 1), 1), max(blocks * block / many, 1))
      pieceRows = (blocks + parts - 1) / parts * block
    }
    rowPieces = (c.outChannels + pieceRows - 1) / max(pieceRows, 1)
  }

  private var columnFloats: Int { mostPositions * correlation.depth }

  var scratch: Int {
    let isScattered = correlation.window.spread > 1
    return (sharesColumns ? 0 : columnFloats) + (isScattered ? mostPositions * pieceRows : 0)
      + (transposes ? blockFloats : 0)
  }

  private var blockFloats: Int { (correlation.depth + 31) / 32 * 32 * Int(RT_MANY_ROWS) }

  var sharedScratch: Int { sharesColumns ? columnFloats : 0 }
  var canMask: Bool { correlation.window.spread == 1 && !isEmpty }
  var isEmpty: Bool { correlation.depth == 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    guard !isEmpty, positions > 0 else { return }
    if sharesColumns { makeSharedColumns(of: input, scratch.shared) }
    let padded = correlation.paddedOutputs(block: Int(manyRows ? RT_MANY_ROWS : RT_ROWS))
    Workers.shared.run(correlation.groups * rowPieces * positionPieces) { piece, worker in
      let (group, part) = piece.quotientAndRemainder(dividingBy: rowPieces * positionPieces)
      let (rowPart, positionPart) = part.quotientAndRemainder(dividingBy: positionPieces)
      let firstRow = rowPart * pieceRows
      let rows = min(pieceRows, correlation.outChannels - firstRow)
      let first = firstPosition(ofPiece: positionPart)
      let count = min(firstPosition(ofPiece: positionPart + 1), positions) - first

      let channel = group * correlation.outChannels + firstRow
      let rowWeights =
        weights.base
        + (transposes ? firstRow * Int(RT_MANY_ROWS) : (group * padded + firstRow) * correlation.depth)
      let out = output + channel * outPlane
      var own = scratch[worker]
      var columns = scratch.shared
      if !sharesColumns {
        (columns, own) = (own, own + columnFloats)
        let read = input + group * correlation.inChannels * inPlane
        gather(columns, of: read, channels: correlation.inChannels, first, count)
      }
      if correlation.window.spread == 1 {
        var parts = finish.parts(channel: channel, plane: outPlane, position: first)
        multiply(out + first, outPlane, rowWeights, columns, rows, count, &parts, own)
      } else {
        var plain = rt_finish()
        multiply(own, count, rowWeights, columns, rows, count, &plain, own + mostPositions * pieceRows)
        scatter(own, rows, to: out, first, count, accumulate: finish.accumulate)
      }
    }
  }

  private func firstPosition(ofPiece piece: Int) -> Int {
    let panel = Int(RT_PANEL)
    return (positions + panel - 1) / panel * piece / positionPieces * panel
  }

  private func multiply(
    _ out: UnsafeMutablePointer<Float>, _ stride: Int, _ weights: UnsafePointer<Float>,
    _ columns: UnsafePointer<Float>, _ rows: Int, _ count: Int, _ finish: UnsafePointer<rt_finish>,
    _ block: UnsafeMutablePointer<Float>
  ) {
    if transposes {
      withUnsafePointer(to: rt_transposed(ins: correlation.outChannels, block: block)) {
        rt_product_transposed(out, stride, weights, $0, columns, correlation.depth, rows, count, finish)
      }
    } else if manyRows {
      rt_product_many_rows(out, stride, weights, columns, correlation.depth, rows, count, finish)
    } else {
      rt_product(out, stride, weights, columns, correlation.depth, rows, count, finish)
    }
  }

  /// Makes the columns of so many channels, the first of those that `columns` has room for.
  private func gather(
    _ columns: UnsafeMutablePointer<Float>, of input: UnsafePointer<Float>, channels: Int, _ first: Int,
    _ count: Int
  ) {
    withUnsafePointer(to: window) {
      rt_gather(columns, input, inPlane, Int32(channels), $0, first, count)
    }
  }

  private func makeSharedColumns(of input: UnsafePointer<Float>, _ columns: UnsafeMutablePointer<Float>) {
    let (panel, atOnce, channels) = (Int(RT_PANEL), Pieces.channelsAtOnce, correlation.inChannels)
    let parts = (channels + atOnce - 1) / atOnce
    let taps = correlation.window.tapsHeight * correlation.window.tapsWidth
    Workers.shared.run((positions + panel - 1) / panel * parts) { piece, _ in
      let (part, channel) = (piece / parts, piece % parts * atOnce)
      gather(
        columns + (part * channels + channel) * taps * panel, of: input + channel * inPlane,
        channels: min(atOnce, channels - channel), part * panel, min(panel, positions - part * panel))
    }
  }

  /// Writes rows of products to positions that are not beside each other.
  private func scatter(
    _ products: UnsafePointer<Float>, _ rows: Int, to out: UnsafeMutablePointer<Float>, _ first: Int,
    _ count: Int, accumulate: Bool
  ) {
    let w = correlation.window
    rt_scatter(
      out, outPlane, Int32(outHeight), Int32(outWidth), window.grid_height, window.grid_width,
      Int32(w.spread), Int32(w.y), Int32(w.x), products, rows, first, count, accumulate)
  }
}
