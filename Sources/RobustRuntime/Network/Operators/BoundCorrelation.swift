import CKernels

/// What happens to the sums of a correlation on their way to the output.
struct Finish {
  /// Of each output channel.
  var bias: UnsafePointer<Float>?
  /// Shaped as the output.
  var residual: UnsafePointer<Float>?
  var relu = false
  /// Shaped as the output, which is 0 where this is not above 0. Excludes the others.
  var mask: UnsafePointer<Float>?
  /// Adds to the output. Excludes the others but the mask.
  var accumulate = false
}

/// A correlation of feature maps of known shapes, with the algorithm that suits them.
///
/// Columns of inputs are multiplied with blocks of rows of weights, in pieces that are cut by rows and by
/// positions.
struct BoundCorrelation {
  private let correlation: Correlation
  private let method: CorrelationMethod
  private let weights: FloatBlock
  private let inPlane, outPlane: Int
  private let outHeight, outWidth: Int
  private let window: rt_window
  /// Of the grid, over all images: positions, or Winograd's tiles.
  private let positions: Int
  private let pieceRows, piecePositions: Int
  private let rowPieces, positionPieces: Int
  /// Few columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool

  /// Floats of columns that stay in a core's second-level cache beside the weights.
  private static let columnBudget = 1 << 16
  /// Floats of columns that are shared at most.
  private static let sharedBudget = 5 << 17
  /// Fewer pieces than this leave threads idle.
  private static let fewestPieces = 4
  /// Channels that are made columns of at a time.
  private static let channelsAtOnce = 32

  init(
    _ correlation: Correlation, images: Int, from input: Shape, to output: Shape,
    preferring preferred: Convolution.Algorithm? = nil
  ) throws {
    let (c, w, panel) = (correlation, correlation.window, Int(RT_PANEL))
    self.correlation = c
    inPlane = images * input.height * input.width
    outPlane = images * output.height * output.width
    (outHeight, outWidth) = (output.height, output.width)
    let gridHeight = (output.height - w.y + w.spread - 1) / w.spread
    let gridWidth = (output.width - w.x + w.spread - 1) / w.spread
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(gridHeight),
      grid_width: Int32(gridWidth), step: Int32(w.step), top: Int32(w.top), left: Int32(w.left),
      taps_height: Int32(w.tapsHeight), taps_width: Int32(w.tapsWidth))

    let tiles = images * ((gridHeight + 3) / 4) * ((gridWidth + 3) / 4)
    let gridPositions = images * gridHeight * gridWidth
    method = CorrelationMethod(c, preferred, tiles: tiles, positions: gridPositions)
    positions = method == .winograd ? tiles : gridPositions
    weights = try method == .winograd ? c.transformedWeights() : c.packedWeights(block: method.block)
    let (panels, depth) = ((positions + panel - 1) / panel, method.depth(c))
    let columns = panels * panel * depth
    let fits = c.groups == 1 && c.phases == 1 && columns <= BoundCorrelation.sharedBudget
    sharesColumns = fits && (method == .winograd ? panels < BoundCorrelation.fewestPieces : panels <= 8)

    // Positions that share a pass over the weights, in whole panels.
    if method == .winograd {
      piecePositions = panel
    } else if sharesColumns {
      piecePositions = max(panels, 1) * panel
    } else {
      let most = max(BoundCorrelation.columnBudget / max(depth, 1) / panel, 1)
      piecePositions = min(most, max(panels / BoundCorrelation.fewestPieces, 1)) * panel
    }
    positionPieces = (positions + piecePositions - 1) / piecePositions
    // By rows too where there are few positions.
    let many = Int(RT_MANY_ROWS)
    if sharesColumns {
      pieceRows = many
    } else if c.phases > 1 {
      pieceRows = c.paddedOutputs(block: method.block)
    } else {
      let blocks = c.paddedOutputs(block: method.block) / method.block
      let parts = min(
        max(BoundCorrelation.fewestPieces / max(positionPieces * c.groups, 1), 1),
        max(blocks * method.block / many, 1))
      pieceRows = (blocks + parts - 1) / parts * method.block
    }
    rowPieces = (c.outChannels + pieceRows - 1) / max(pieceRows, 1)
  }

  private var columnFloats: Int { piecePositions * method.depth(correlation) }

  /// Floats that each worker needs.
  var scratch: Int {
    let isScattered = correlation.window.spread > 1
    return (sharesColumns ? 0 : columnFloats) + (isScattered ? piecePositions * pieceRows : 0)
  }

  /// Floats that all workers need together.
  var sharedScratch: Int { sharesColumns ? positionPieces * columnFloats : 0 }

  /// Whether `Finish.mask` is heeded.
  var canMask: Bool { correlation.window.spread == 1 && !isEmpty }

  /// Whether no tap meets a position of the output that it is to write.
  var isEmpty: Bool { correlation.depth == 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    guard !isEmpty, positions > 0 else { return }
    if sharesColumns { makeSharedColumns(of: input, scratch.shared) }
    let weightsPerRow = method.depth(correlation)
    let realOutputs = correlation.outChannels / correlation.phases
    Workers.shared.run(correlation.groups * rowPieces * positionPieces) { piece, worker in
      let (group, part) = piece.quotientAndRemainder(dividingBy: rowPieces * positionPieces)
      let (rowPart, positionPart) = part.quotientAndRemainder(dividingBy: positionPieces)
      let firstRow = rowPart * pieceRows
      let rows = min(pieceRows, correlation.outChannels - firstRow)
      let first = positionPart * piecePositions
      let count = min(piecePositions, positions - first)

      let channel = group * realOutputs + firstRow
      let padded = correlation.paddedOutputs(block: method.block)
      let rowWeights = weights.base + (group * padded + firstRow) * weightsPerRow
      let out = output + channel * outPlane
      var own = scratch[worker]
      var columns = scratch.shared + positionPart * columnFloats
      if !sharesColumns {
        (columns, own) = (own, own + columnFloats)
        let read = input + group * correlation.inChannels * inPlane
        makeColumns(columns, of: read, channels: correlation.inChannels, first, count)
      }
      var parts = rt_finish(
        bias: finish.bias.map { $0 + channel }, residual: finish.residual.map { $0 + channel * outPlane },
        mask: finish.mask.map { $0 + channel * outPlane }, relu: finish.relu, accumulate: finish.accumulate)
      if method == .winograd {
        withUnsafePointer(to: window) {
          rt_winograd_output(
            out, outPlane, rowWeights, columns, Int32(correlation.inChannels), rows, $0, first, count, &parts)
        }
      } else if correlation.window.spread == 1 {
        parts.residual = parts.residual.map { $0 + first }
        parts.mask = parts.mask.map { $0 + first }
        method.product(
          out + first, outPlane, rowWeights, columns, correlation.depth, rows, count, &parts)
      } else {
        var plain = rt_finish()
        method.product(own, count, rowWeights, columns, correlation.depth, rows, count, &plain)
        scatter(own, rows, to: out, first, count, accumulate: finish.accumulate)
      }
    }
  }

  /// Makes the columns of so many channels, the first of those that `columns` has room for.
  private func makeColumns(
    _ columns: UnsafeMutablePointer<Float>, of input: UnsafePointer<Float>, channels: Int, _ first: Int,
    _ count: Int
  ) {
    withUnsafePointer(to: window) {
      if method == .winograd {
        rt_winograd_input(
          columns, correlation.inChannels, input, inPlane, Int32(channels), $0, first, count)
      } else {
        rt_gather(columns, input, inPlane, Int32(channels), $0, first, count)
      }
    }
  }

  private func makeSharedColumns(of input: UnsafePointer<Float>, _ columns: UnsafeMutablePointer<Float>) {
    let (panel, atOnce, channels) = (
      Int(RT_PANEL), BoundCorrelation.channelsAtOnce, correlation.inChannels
    )
    let parts = (channels + atOnce - 1) / atOnce
    let taps = method == .winograd ? 1 : correlation.window.tapsHeight * correlation.window.tapsWidth
    Workers.shared.run((positions + panel - 1) / panel * parts) { piece, _ in
      let (part, channel) = (piece / parts, piece % parts * atOnce)
      makeColumns(
        columns + part * panel * method.depth(correlation) + channel * taps * panel,
        of: input + channel * inPlane, channels: min(atOnce, channels - channel), part * panel,
        min(panel, positions - part * panel))
    }
  }

  /// Writes rows of products, [phase][output], to the positions of their phase.
  private func scatter(
    _ products: UnsafePointer<Float>, _ rows: Int, to out: UnsafeMutablePointer<Float>, _ first: Int,
    _ count: Int, accumulate: Bool
  ) {
    let (w, phases) = (correlation.window, correlation.phases)
    let outputs = rows / phases
    for phase in 0..<phases {
      rt_scatter(
        out, outPlane, Int32(outHeight), Int32(outWidth), window.grid_height, window.grid_width,
        Int32(w.spread), Int32(w.y + phase / w.spread), Int32(w.x + phase % w.spread),
        products + phase * outputs * count, outputs, first, count, accumulate)
    }
  }
}
