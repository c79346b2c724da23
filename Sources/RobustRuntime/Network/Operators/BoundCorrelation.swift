import CKernels

/// What happens to the sums of a correlation on their way to the output.
struct Finish {
  /// Of each output channel.
  var bias: UnsafePointer<Float>?
  /// Shaped as the output.
  var residual: UnsafePointer<Float>?
  var relu = false
  /// Adds to the output. Excludes the others.
  var accumulate = false
}

/// A correlation of feature maps of known shapes, with the algorithm that suits them.
struct BoundCorrelation {
  private let correlation: Correlation
  private let algorithm: Convolution.Algorithm
  private let weights: FloatBlock
  private let inPlane, outPlane: Int
  private let outHeight, outWidth: Int
  private let window: rt_window
  /// Of the grid, over all images: positions, or Winograd's tiles.
  private let positions: Int
  private let pieceRows, piecePositions: Int
  private let rowPieces, positionPieces: Int

  /// Floats of columns that stay in a core's second-level cache beside the weights.
  private static let columnBudget = 1 << 16
  /// Fewer pieces than this leave threads idle.
  private static let fewestPieces = 4

  init(
    _ correlation: Correlation, images: Int, from input: Shape, to output: Shape,
    preferring preferred: Convolution.Algorithm? = nil
  ) throws {
    let (c, w) = (correlation, correlation.window)
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
    algorithm = BoundCorrelation.choice(c, preferred, tiles: tiles, positions: gridPositions)
    let panel = Int(RT_PANEL)
    func panels(_ count: Int) -> Int { (count + panel - 1) / panel }
    switch algorithm {
    case .gather:
      weights = try c.packedWeights()
      positions = gridPositions
      // Positions that share a pass over the weights, in whole panels.
      let most = max(BoundCorrelation.columnBudget / max(c.depth, 1) / panel, 1)
      let even = max(panels(positions) / BoundCorrelation.fewestPieces, 1)
      piecePositions = min(most, even) * panel
    case .winograd:
      weights = try c.transformedWeights()
      positions = tiles
      piecePositions = panel
    }
    positionPieces = (positions + piecePositions - 1) / piecePositions
    // By rows too where there are few positions, though the columns are then made for each part again.
    let blocks = c.paddedOutputs / Int(RT_ROWS)
    let parts = min(
      max(BoundCorrelation.fewestPieces / max(positionPieces * c.groups, 1), 1), max(blocks / 4, 1))
    pieceRows = (blocks + parts - 1) / parts * Int(RT_ROWS)
    rowPieces = (c.outChannels + pieceRows - 1) / max(pieceRows, 1)
  }

  /// Winograd's algorithm takes 36 products for each tile, in whole panels, the other one for each position
  /// and tap; its transforms take about as long as 24 more channels would.
  private static func choice(
    _ c: Correlation, _ preferred: Convolution.Algorithm?, tiles: Int, positions: Int
  ) -> Convolution.Algorithm {
    let w = c.window
    guard w.tapsHeight == 3, w.tapsWidth == 3, w.step == 1, w.spread == 1, c.groups == 1 else {
      return .gather
    }
    let panel = Int(RT_PANEL)
    func whole(_ count: Int) -> Int { (count + panel - 1) / panel * panel }
    let winograd =
      Int(RT_WINOGRAD) * whole(tiles) * (c.inChannels * c.outChannels + 24 * (c.inChannels + c.outChannels))
    let gather = 9 * whole(positions) * c.inChannels * c.outChannels
    return winograd < gather ? .winograd : .gather
  }

  /// Floats that each worker needs.
  var scratch: Int {
    switch algorithm {
    case .gather: piecePositions * (correlation.depth + (correlation.window.spread > 1 ? pieceRows : 0))
    case .winograd: Int(RT_WINOGRAD) * correlation.inChannels * Int(RT_PANEL)
    }
  }

  /// Whether no tap meets a position of the output that it is to write.
  var isEmpty: Bool { correlation.depth == 0 }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    guard !isEmpty, positions > 0 else { return }
    run(weights.base, input, output, finish, scratch)
  }

  private func run(
    _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ finish: Finish, _ scratch: Scratch
  ) {
    let weightsPerRow = algorithm == .winograd ? Int(RT_WINOGRAD) * correlation.inChannels : correlation.depth
    Workers.shared.run(correlation.groups * rowPieces * positionPieces) { piece, worker in
      let (group, part) = piece.quotientAndRemainder(dividingBy: rowPieces * positionPieces)
      let (rowPart, positionPart) = part.quotientAndRemainder(dividingBy: positionPieces)
      let firstRow = rowPart * pieceRows
      let rows = min(pieceRows, correlation.outChannels - firstRow)
      let first = positionPart * piecePositions
      let count = min(piecePositions, positions - first)

      let channel = group * correlation.outChannels + firstRow
      let rowWeights = weights + (group * correlation.paddedOutputs + firstRow) * weightsPerRow
      let out = output + channel * outPlane
      let read = input + group * correlation.inChannels * inPlane
      var parts = rt_finish(
        bias: finish.bias.map { $0 + channel }, residual: finish.residual.map { $0 + channel * outPlane },
        relu: finish.relu, accumulate: finish.accumulate)
      switch algorithm {
      case .gather:
        gather(read, out, rows, first, count, rowWeights, &parts, scratch[worker])
      case .winograd:
        withUnsafePointer(to: window) { window in
          rt_winograd_input(
            scratch[worker], read, inPlane, Int32(correlation.inChannels), window, first, count)
          rt_winograd_output(
            out, outPlane, rowWeights, scratch[worker], Int32(correlation.inChannels), rows, window,
            first, count, &parts)
        }
      }
    }
  }

  private func gather(
    _ input: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ rows: Int, _ first: Int,
    _ count: Int,
    _ weights: UnsafePointer<Float>, _ finish: inout rt_finish, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let depth = correlation.depth
    withUnsafePointer(to: window) {
      rt_gather(scratch, input, inPlane, Int32(correlation.inChannels), $0, first, count)
    }
    let w = correlation.window
    guard w.spread > 1 else {
      finish.residual = finish.residual.map { $0 + first }
      rt_product(out + first, outPlane, weights, scratch, depth, rows, count, &finish)
      return
    }
    let product = scratch + piecePositions * depth
    var plain = rt_finish()
    rt_product(product, count, weights, scratch, depth, rows, count, &plain)
    rt_scatter(
      out, outPlane, Int32(outHeight), Int32(outWidth), window.grid_height, window.grid_width,
      Int32(w.spread),
      Int32(w.y), Int32(w.x), product, rows, first, count, finish.accumulate)
  }
}
