import CKernels
import COpenBLAS

/// A window of weights sliding over a feature map, in the grid of its positions: what a convolution computes, and
/// also what each part of its gradient is.
///
/// At grid position (qy, qx) it reads rows qy·step + top + 0..<tapsHeight of the input (columns likewise; zeros outside)
/// and writes position (qy·spread + y, qx·spread + x) of the output.
struct Correlation: Sendable {
  /// Of one group.
  var inChannels, outChannels: Int
  var groups: Int
  var tapsHeight, tapsWidth: Int
  var step, top, left: Int
  var spread = 1, y = 0, x = 0
  /// [groups][outChannels][inChannels][tapsHeight][tapsWidth]
  var weights: [Float]
}

/// What happens to the sums of a correlation on their way to the output.
struct Finish {
  var bias: UnsafePointer<Float>?
  /// Shaped as the output.
  var residual: UnsafePointer<Float>?
  var relu = false
  /// Adds to the output. Excludes the others.
  var accumulate = false
}

/// A correlation of feature maps of known shapes, as matrix products over columns that are gathered piece by piece.
struct BoundCorrelation {
  let correlation: Correlation
  let inPlane, outPlane: Int
  let outHeight, outWidth: Int
  let window: rt_window
  /// Positions of the grid, over all images.
  let positions: Int
  let pieceRows, pieceColumns: Int
  let rowPieces, columnPieces: Int

  /// Floats of columns that stay in a core's second-level cache beside the weights.
  private static let columnBudget = 1 << 17
  /// Fewer pieces than this leave threads idle.
  private static let fewestPieces = 4

  init(_ correlation: Correlation, images: Int, from input: Shape, to output: Shape) {
    let c = correlation
    self.correlation = c
    inPlane = images * input.height * input.width
    outPlane = images * output.height * output.width
    (outHeight, outWidth) = (output.height, output.width)
    let gridHeight = (output.height - c.y + c.spread - 1) / c.spread
    let gridWidth = (output.width - c.x + c.spread - 1) / c.spread
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(gridHeight),
      grid_width: Int32(gridWidth), step: Int32(c.step), top: Int32(c.top), left: Int32(c.left),
      taps_height: Int32(c.tapsHeight), taps_width: Int32(c.tapsWidth))
    positions = images * gridHeight * gridWidth

    // Cut by positions first, since the columns are then gathered once; by rows where there are few positions.
    let depth = max(c.inChannels * c.tapsHeight * c.tapsWidth, 1)
    let limit = max(64, BoundCorrelation.columnBudget / depth)
    let wanted = max((positions + limit - 1) / limit, min(BoundCorrelation.fewestPieces, positions / 64), 1)
    pieceColumns = max(((positions + wanted - 1) / wanted + 15) / 16 * 16, 16)
    columnPieces = (positions + pieceColumns - 1) / pieceColumns
    let rows = min(
      max(BoundCorrelation.fewestPieces / max(columnPieces * c.groups, 1), 1), max(c.outChannels / 32, 1))
    pieceRows = (c.outChannels + rows - 1) / rows
    rowPieces = (c.outChannels + pieceRows - 1) / pieceRows
  }

  private var depth: Int { correlation.inChannels * correlation.tapsHeight * correlation.tapsWidth }

  /// Whether the columns are the input itself.
  private var isPointwise: Bool {
    let c = correlation
    return c.tapsHeight == 1 && c.tapsWidth == 1 && c.step == 1 && c.top == 0 && c.left == 0 && c.spread == 1
  }

  var scratch: Int {
    if isPointwise { return 0 }
    return pieceColumns * (depth + (correlation.spread > 1 ? pieceRows : 0))
  }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    guard depth > 0, positions > 0 else { return }
    correlation.weights.withUnsafeBufferPointer { weights in
      let weights = weights.baseAddress!
      Workers.shared.run(correlation.groups * rowPieces * columnPieces) { piece, worker in
        let (group, part) = piece.quotientAndRemainder(dividingBy: rowPieces * columnPieces)
        let (rowPart, columnPart) = part.quotientAndRemainder(dividingBy: columnPieces)
        run(
          group: group, rows: (rowPart * pieceRows)..<min((rowPart + 1) * pieceRows, correlation.outChannels),
          columns: (columnPart * pieceColumns)..<min((columnPart + 1) * pieceColumns, positions),
          weights, input, output, finish, scratch[worker])
      }
    }
  }

  private func run(
    group: Int, rows: Range<Int>, columns: Range<Int>, _ weights: UnsafePointer<Float>,
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let c = correlation
    let channel = group * c.outChannels + rows.lowerBound
    let read = input + group * c.inChannels * inPlane
    let out = output + channel * outPlane
    let count = columns.count

    let gathered: UnsafePointer<Float>
    if isPointwise {
      gathered = read + columns.lowerBound
    } else {
      withUnsafePointer(to: window) {
        rt_gather(scratch, read, inPlane, Int32(c.inChannels), $0, columns.lowerBound, count)
      }
      gathered = UnsafePointer(scratch)
    }
    let inPlace = c.spread == 1
    let product = inPlace ? out + columns.lowerBound : scratch + depth * count
    let stride = inPlace ? outPlane : count
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows.count), blasint(count), blasint(depth), 1,
      weights + channel * depth, blasint(depth), gathered, blasint(isPointwise ? inPlane : count),
      inPlace && finish.accumulate ? 1 : 0, product, blasint(stride))
    if !inPlace {
      rt_scatter(
        out, outPlane, Int32(outHeight), Int32(outWidth), window.grid_height, window.grid_width,
        Int32(c.spread),
        Int32(c.y), Int32(c.x), product, rows.count, columns.lowerBound, count, finish.accumulate)
    } else if finish.bias != nil || finish.residual != nil || finish.relu {
      rt_finish(
        product, outPlane, rows.count, count, finish.bias.map { $0 + channel },
        finish.residual.map { $0 + channel * outPlane + columns.lowerBound }, finish.relu)
    }
  }
}
