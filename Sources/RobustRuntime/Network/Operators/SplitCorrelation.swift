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
  private let squares: Correlation.Squares
  private let window: rt_window
  private let inStep, outStep: Int
  private let layout: Layout
  private let strips: [rt_strip]
  /// Strips and blocks of rows of a piece.
  private let pieceStrips, pieceBlocks: Int
  private let stripPieces, rowPieces: Int
  /// Columns are made first and shared by the pieces; else each piece makes its own.
  private let sharesColumns: Bool
  /// Floats of scratch memory for a piece's products.
  private let productScratch: Int
  /// Lines, or panels of a strip's only line, as they follow each other in a strip: what can be cut to bytes alone.
  private let positionParts: [(positions: rt_strip, strip: Int, first: Int)]

  /// Words of columns that stay in a core's second-level cache.
  private static let pieceBudget = 5 << 16
  /// Words of columns that are shared at most.
  private static let sharedBudget = 1 << 20

  /// How the columns of a strip lie.
  private struct Layout {
    let parts, channelBlocks, width, tapsWidth, phaseStep, blockStep: Int
    /// Of the positions of a strip's panels, if they have such.
    let factors: Int
    var firstFactor: Int { parts * partStep }
    /// Whether each position has its own, since no other tap sees it.
    var hasOwnFactors: Bool { offsets.count == 1 }
    let offsets: [Int]

    var partStep: Int { channelBlocks * blockStep }
    var stripStep: Int { parts * partStep + factors }

    /// - Parameter lines: of the grid in a strip, at most.
    init(_ correlation: Correlation, parts: Int, _ w: rt_window, lines: Int, columns: Int) {
      let (panel, lanes, step) = (Int(RT_PANEL), Tensor.lanes, Int(w.step))
      let (height, tapsWidth) = (Int(w.taps_height), Int(w.taps_width))
      let (down, across) = ((height - 1) / step, (tapsWidth - 1) / step)
      let width = columns + across
      // Panels reach beyond the last line.
      let panels = ((lines - 1) * width + columns + panel - 1) / panel
      let positions = max(panels * panel + down * width + across, (lines + down) * width)
      let phaseStep = positions * lanes
      // An odd number of positions, so that blocks do not all meet in the same part of a cache.
      blockStep = (positions * step * step | 1) * lanes
      offsets = (0..<height).flatMap { y in
        (0..<tapsWidth).map { x in
          (y % step * step + x % step) * phaseStep + (y / step * width + x / step) * lanes
        }
      }
      let channels = Int(rt_part_channels(Int32(parts)))
      (self.parts, channelBlocks) = (parts, (correlation.inChannels + channels - 1) / channels)
      factors = parts == RT_BYTES ? panels * panel : 0
      (self.width, self.tapsWidth, self.phaseStep) = (width, tapsWidth, phaseStep)
    }

    func withPairs<Result>(_ body: (UnsafePointer<rt_pairs>) -> Result) -> Result {
      offsets.withUnsafeBufferPointer {
        var pairs = rt_pairs(
          parts: Int32(parts), channel_blocks: Int32(channelBlocks), width: Int32(width),
          taps: Int32(offsets.count),
          taps_width: Int32(tapsWidth), offsets: $0.baseAddress!, strip_step: stripStep, part_step: partStep,
          block_step: blockStep, phase_step: phaseStep)
        return body(&pairs)
      }
    }
  }

  /// - Precondition: the weights are words if there is one part, and floats where they are cut to bytes.
  init(
    _ correlation: Correlation, _ squares: Correlation.Squares, parts: Int, images: Int, from input: Shape,
    to output: Shape, _ seen: rt_window
  ) {
    (self.correlation, self.squares) = (correlation, squares)
    (inStep, outStep) = (input.step(images: images), output.step(images: images))

    // Where the window sees the map as it is, all of it is one line.
    var (window, images) = (seen, images)
    if withUnsafePointer(to: seen, rt_is_plain) {
      let positions = window.height * window.width * Int32(images)
      (window.height, window.grid_height, window.width, window.grid_width) = (1, 1, positions, positions)
      (window.out_height, window.out_width) = (1, positions)
      images = 1
    }
    self.window = window

    let whole = Layout(
      correlation, parts: parts, window, lines: Int(window.grid_height), columns: Int(window.grid_width))
    let blocks = correlation.rowBlocks
    sharesColumns = images * whole.stripStep <= SplitCorrelation.sharedBudget

    // Few pieces share a pass over the weights, of which each piece splits its own.
    let budget = SplitCorrelation.pieceBudget
    let needed = (images * whole.stripStep + budget - 1) / budget
    let wanted =
      sharesColumns ? max(needed, (Pieces.fewest + blocks - 1) / blocks) : Pieces.whole(needed)
    let strips = SplitCorrelation.strips(window, images: images, pieces: wanted)
    self.strips = strips
    pieceStrips = (strips.count + wanted - 1) / wanted
    stripPieces = (strips.count + pieceStrips - 1) / pieceStrips
    rowPieces = sharesColumns ? min(blocks, max((2 * Pieces.fewest + stripPieces - 1) / stripPieces, 1)) : 1
    pieceBlocks = (blocks + rowPieces - 1) / rowPieces
    let layout = Layout(
      correlation, parts: parts, window, lines: strips.map { Int($0.rows) }.max() ?? 1,
      columns: strips.map { Int($0.columns) }.max() ?? 1)
    self.layout = layout
    let mostPanels = layout.withPairs { pairs in
      strips.map { strip in withUnsafePointer(to: strip) { rt_strip_panels($0, pairs) } }.max() ?? 0
    }
    positionParts = strips.enumerated().flatMap { number, strip in
      let atOnce = strip.rows == 1 ? RT_PANEL : Int(strip.columns)
      return stride(from: 0, to: Int(strip.rows * strip.columns), by: atOnce).map { first in
        let row = Int32(first) / strip.columns
        let column = Int32(first) % strip.columns
        let columns = min(Int32(atOnce), strip.columns - column)
        let positions = rt_strip(
          image: strip.image, row: strip.row + row, rows: 1, column: strip.column + column, columns: columns)
        return (positions, number, first)
      }
    }
    productScratch = rt_split_scratch(pieceStrips * mostPanels, Int32(parts))
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

  private var columnWords: Int { pieceStrips * layout.stripStep }

  var scratch: Int { (sharesColumns ? 0 : columnWords) + productScratch }
  var sharedScratch: Int {
    sharesColumns ? strips.count * (layout.stripStep + layout.channelBlocks) : 0
  }
  let canMask = true
  let isEmpty = false

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ finish: Finish, _ scratch: Scratch
  ) {
    let blocks = layout.channelBlocks
    if sharesColumns {
      if layout.parts == RT_BYTES {
        shareBytes(of: input, scratch)
      } else {
        Workers.shared.run(strips.count * blocks) { piece, _ in
          let (strip, block) = piece.quotientAndRemainder(dividingBy: blocks)
          makeColumns(
            of: input, strips[strip], block..<block + 1, scratch.shared + strip * layout.stripStep)
        }
      }
    }
    let rows = Int(RT_ROWS)
    Workers.shared.run(stripPieces * rowPieces) { piece, worker in
      let (stripPiece, rowPiece) = piece.quotientAndRemainder(dividingBy: rowPieces)
      let block = rowPiece * pieceBlocks
      let outputs = min(pieceBlocks * rows, correlation.outChannels - block * rows)
      let part = stripPiece * pieceStrips..<min((stripPiece + 1) * pieceStrips, strips.count)
      guard outputs > 0 else { return }
      var own = scratch[worker]
      var columns = scratch.shared + part.lowerBound * layout.stripStep
      if !sharesColumns {
        (columns, own) = (own, own + columnWords)
        for (k, strip) in strips[part].enumerated() {
          let place = columns + k * layout.stripStep
          if layout.parts == RT_BYTES {
            let largest = layout.hasOwnFactors ? nil : largestSeen(in: input, strip, 0..<blocks)
            makeBytes(of: input, strip, 0..<blocks, largest, place, place + layout.firstFactor)
          } else {
            makeColumns(of: input, strip, 0..<blocks, place)
          }
        }
      }
      let parts = finish.parts(channel: block * rows, step: outStep)
      multiply(output + block * rows / Tensor.lanes * outStep, block, outputs, columns, part, parts, own)
    }
  }

  private func makeColumns(
    of input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>,
    _ columns: UnsafeMutablePointer<Float>
  ) {
    let rows = Int(RT_ROWS)
    layout.withPairs { layout in
      withUnsafePointer(to: window) { window in
        withUnsafePointer(to: strip) { strip in
          let words = UnsafeMutableRawPointer(columns).assumingMemoryBound(to: UInt32.self)
          for block in blocks {
            rt_split_positions(
              words + block * layout.pointee.block_step, input + block * rows / Tensor.lanes * inStep, inStep,
              Int32(min(rows, correlation.inChannels - block * rows)), window, strip, layout)
          }
        }
      }
    }
  }

  /// Bytes of all strips. Positions with factors of their own are cut panel by panel or line by line, others when the
  /// largest that their strip sees is known, block by block.
  private func shareBytes(of input: UnsafePointer<Float>, _ scratch: Scratch) {
    let blocks = layout.channelBlocks
    if layout.hasOwnFactors {
      Workers.shared.run(positionParts.count) { piece, _ in
        let part = positionParts[piece]
        let place = scratch.shared + part.strip * layout.stripStep
        makeBytes(
          of: input, part.positions, 0..<blocks, nil, place + part.first * Tensor.lanes,
          place + layout.firstFactor + part.first)
      }
      return
    }
    let largest = scratch.shared + strips.count * layout.stripStep
    Workers.shared.run(strips.count * blocks) { piece, _ in
      let (strip, block) = piece.quotientAndRemainder(dividingBy: blocks)
      largest[piece] = largestSeen(in: input, strips[strip], block..<block + 1)
    }
    Workers.shared.run(strips.count * blocks) { piece, _ in
      let (strip, block) = piece.quotientAndRemainder(dividingBy: blocks)
      let place = scratch.shared + strip * layout.stripStep
      // As bits, of which those of what is not a number are the most.
      let most = (0..<blocks).map { largest[strip * blocks + $0].bitPattern }.max()!
      makeBytes(
        of: input, strips[strip], block..<block + 1, Float(bitPattern: most), place,
        place + layout.firstFactor)
    }
  }

  private static let vectorsOfBlock = Int(RT_BYTE_VECTORS)

  private func largestSeen(in input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>) -> Float {
    let vectors = SplitCorrelation.vectorsOfBlock
    return withUnsafePointer(to: window) { window in
      withUnsafePointer(to: strip) { strip in
        rt_largest_seen(
          input + blocks.lowerBound * vectors * inStep, inStep, blocks.count * vectors, window, strip)
      }
    }
  }

  /// - Parameter columns: of the strip.
  private func makeBytes(
    of input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>, _ largest: Float?,
    _ columns: UnsafeMutablePointer<Float>, _ factors: UnsafeMutablePointer<Float>
  ) {
    let vectors = SplitCorrelation.vectorsOfBlock
    layout.withPairs { layout in
      withUnsafePointer(to: window) { window in
        withUnsafePointer(to: strip) { strip in
          let words = UnsafeMutableRawPointer(columns).assumingMemoryBound(to: UInt32.self)
          let first = blocks.lowerBound
          func make(_ largest: UnsafePointer<Float>?) {
            rt_byte_positions(
              words + first * layout.pointee.block_step, factors, input + first * vectors * inStep, inStep,
              blocks.count * vectors, largest, window, strip, layout)
          }
          if let largest { withUnsafePointer(to: largest, make) } else { make(nil) }
        }
      }
    }
  }

  /// Of some strips.
  private func multiply(
    _ out: UnsafeMutablePointer<Float>, _ block: Int, _ outputs: Int, _ columns: UnsafePointer<Float>,
    _ part: Range<Int>, _ finish: rt_finish, _ scratch: UnsafeMutablePointer<Float>
  ) {
    layout.withPairs { layout in
      squares.taps.withUnsafeBufferPointer { taps in
        strips.withUnsafeBufferPointer { strips in
          withUnsafePointer(to: window) { window in
            squares.withWeights(taps: taps.baseAddress!) { weights in
              var finish = finish
              let words = UnsafeRawPointer(columns).assumingMemoryBound(to: UInt32.self)
              rt_split_product(
                out, outStep, weights, block, outputs, block + pieceBlocks < correlation.rowBlocks, words,
                layout, window, strips.baseAddress! + part.lowerBound, part.count, &finish, scratch)
            }
          }
        }
      }
    }
  }
}
