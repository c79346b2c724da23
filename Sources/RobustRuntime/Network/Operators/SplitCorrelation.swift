import CKernels

/// A correlation as products of short numbers, by the CPU's units for these: of floats that are rounded to bfloat16; that
/// are split in two of these, in a gradient; or, forward, that are scaled to whole numbers of 24 bits and cut to bytes.
///
/// With two parts a few millionths of the gradient are lost. Forward that would be too much: it would switch ReLUs, each
/// of which changes the gradient for good. Backward they are settled. By bytes no more is lost than by sums of floats.
///
/// What the window sees is not gathered for each tap: strips of the map are split once, and every tap is a shift in them.
struct SplitCorrelation: BoundCorrelation {
  private let correlation: Correlation
  /// Words of parts.
  private let parts: Int
  private let weights: PackedWeights
  /// Of a block of rows.
  private let rowWords: Int
  private let window: rt_window
  private let outStep: Int
  private let columns: SplitColumns
  /// Strips and blocks of rows of a piece.
  private let pieceStrips, pieceBlocks: Int
  private let stripPieces, rowPieces: Int
  /// Columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool
  /// Floats of scratch memory for a piece's products.
  private let productScratch: Int

  /// Words of columns that stay in a core's second-level cache.
  private static let pieceBudget = 5 << 16
  /// Words of columns that are shared at most.
  private static let sharedBudget = 1 << 20

  /// - Throws: `RuntimeError.outOfMemory`
  init(
    _ correlation: Correlation, parts: Int, images: Int, from input: Shape, to output: Shape,
    _ seen: rt_window
  ) throws {
    self.correlation = correlation
    self.parts = parts
    weights = try correlation.weights(.words(parts: parts))
    rowWords = correlation.rowWords(parts: parts)
    outStep = output.step(images: images)
    let inStep = input.step(images: images)

    // Where the window sees the map as it is, all of it is one line.
    var (window, images) = (seen, images)
    if withUnsafePointer(to: seen, rt_is_plain) {
      let positions = window.height * window.width * Int32(images)
      (window.height, window.grid_height, window.width, window.grid_width) = (1, 1, positions, positions)
      (window.out_height, window.out_width) = (1, positions)
      images = 1
    }
    self.window = window

    let whole = SplitColumns.Layout(
      correlation, parts: parts, window, lines: Int(window.grid_height), columns: Int(window.grid_width))
    let blocks = correlation.rowBlocks
    sharesColumns = images * whole.stripStep <= SplitCorrelation.sharedBudget

    // Few pieces share a pass over the weights.
    let budget = SplitCorrelation.pieceBudget
    let needed = (images * whole.stripStep + budget - 1) / budget
    let wanted =
      sharesColumns ? max(needed, (Pieces.fewest + blocks - 1) / blocks) : Pieces.whole(needed)
    let strips = SplitCorrelation.strips(window, images: images, pieces: wanted)
    pieceStrips = (strips.count + wanted - 1) / wanted
    stripPieces = (strips.count + pieceStrips - 1) / pieceStrips
    rowPieces = sharesColumns ? min(blocks, max((2 * Pieces.fewest + stripPieces - 1) / stripPieces, 1)) : 1
    pieceBlocks = (blocks + rowPieces - 1) / rowPieces
    columns = SplitColumns(
      correlation, parts: parts, window, strips: strips, inStep: inStep, areShared: sharesColumns)
    productScratch = pieceStrips * columns.mostPanels * rt_panel_sums(Int32(parts))
  }

  /// Cuts the grid: a line in parts of whole panels, images in bands of lines.
  private static func strips(_ w: rt_window, images: Int, pieces: Int) -> [rt_strip] {
    let (height, width, panel) = (Int(w.grid_height), Int(w.grid_width), Int(RT_PANEL))
    if images == 1 && height == 1 {
      let panels = (width + panel - 1) / panel
      let parts = min(pieces, panels)
      return (0..<parts).map { part in
        let first = panels * part / parts * panel
        let end = min(panels * (part + 1) / parts * panel, width)
        return rt_strip(
          image: 0, row: 0, rows: 1, column: Int32(first), columns: Int32(end - first))
      }
    }
    let bands = min((pieces + images - 1) / max(images, 1), height)
    return (0..<images * bands).map {
      let (image, band) = $0.quotientAndRemainder(dividingBy: bands)
      let (row, end) = (height * band / bands, height * (band + 1) / bands)
      return rt_strip(
        image: Int32(image), row: Int32(row), rows: Int32(end - row), column: 0, columns: Int32(width))
    }
  }

  private var columnFloats: Int { pieceStrips * columns.stripFloats }

  var scratch: Int { (sharesColumns ? 0 : columnFloats) + productScratch }
  var sharedScratch: Int { sharesColumns ? columns.sharedFloats : 0 }
  let canMask = true
  let isEmpty = false

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    correlation.refresh(weights, .words(parts: parts))
    if sharesColumns { columns.makeAll(of: input, at: scratch.shared) }
    let rows = Int(RT_ROWS)
    Workers.shared.run(stripPieces * rowPieces) { piece, worker in
      let (stripPiece, rowPiece) = piece.quotientAndRemainder(dividingBy: rowPieces)
      let block = rowPiece * pieceBlocks
      let outputs = min(pieceBlocks * rows, correlation.outChannels - block * rows)
      let part = stripPiece * pieceStrips..<min((stripPiece + 1) * pieceStrips, columns.strips.count)
      guard outputs > 0 else { return }
      var own = scratch[worker]
      var seen = scratch.shared + part.lowerBound * columns.stripFloats
      if !sharesColumns {
        (seen, own) = (own, own + columnFloats)
        for strip in part {
          columns.make(strip, of: input, at: seen + (strip - part.lowerBound) * columns.stripFloats)
        }
      }
      let parts = finish.parts(channel: block * rows, step: outStep)
      multiply(output + block * rows / Tensor.lanes * outStep, block, outputs, seen, part, parts, own)
    }
  }

  /// Of some strips.
  private func multiply(
    _ out: UnsafeMutablePointer<Float>, _ block: Int, _ outputs: Int, _ seen: UnsafePointer<Float>,
    _ part: Range<Int>, _ finish: rt_finish, _ scratch: UnsafeMutablePointer<Float>
  ) {
    columns.layout.withPairs { layout in
      columns.strips.withUnsafeBufferPointer { strips in
        withUnsafePointer(to: window) { window in
          var finish = finish
          rt_split_product(
            out, outStep, SplitColumns.words(UnsafePointer(weights.base) + block * rowWords), outputs,
            block + pieceBlocks < correlation.rowBlocks, SplitColumns.words(seen), layout, window,
            strips.baseAddress! + part.lowerBound, part.count, &finish, scratch)
        }
      }
    }
  }
}
