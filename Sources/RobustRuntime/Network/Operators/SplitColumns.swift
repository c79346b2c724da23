import CKernels

/// What strips of a map see, as words of short numbers, which a `SplitCorrelation` multiplies.
struct SplitColumns {
  let strips: [rt_strip]
  let layout: Layout
  private let window: rt_window
  private let inChannels, inStep: Int
  /// What can be cut to bytes alone: lines, or panels of a strip's only line, as they follow each other in the strip.
  private let bandsOfPositions: [(positions: rt_strip, strip: Int, first: Int)]

  /// How the columns of a strip lie.
  struct Layout {
    let parts, channelBlocks, width, tapsWidth, phaseStep, blockStep: Int
    /// From the first tap to each.
    let offsets: [Int]
    /// Behind the words: of the positions of a strip's panels, where they are cut to bytes.
    let factors: Int

    /// Whether each position is cut to bytes with a factor of its own, since no other tap sees it.
    var hasOwnFactors: Bool { parts == RT_BYTES && offsets.count == 1 }

    var partStep: Int { channelBlocks * blockStep }
    var words: Int { parts * partStep }
    var stripStep: Int { words + factors }

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
      (self.parts, channelBlocks) = (parts, correlation.channelBlocks(parts: parts))
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

  /// - Parameter areShared: whether all are made together.
  init(
    _ correlation: Correlation, parts: Int, _ window: rt_window, strips: [rt_strip], inStep: Int,
    areShared: Bool
  ) {
    (self.strips, self.window, inChannels, self.inStep) = (strips, window, correlation.inChannels, inStep)
    layout = Layout(
      correlation, parts: parts, window, lines: strips.map { Int($0.rows) }.max() ?? 1,
      columns: strips.map { Int($0.columns) }.max() ?? 1)
    bandsOfPositions = areShared && layout.hasOwnFactors ? SplitColumns.bands(of: strips) : []
  }

  private static func bands(of strips: [rt_strip]) -> [(positions: rt_strip, strip: Int, first: Int)] {
    strips.enumerated().flatMap { number, strip in
      let columns = Int(strip.columns)
      let atOnce = strip.rows == 1 ? Int(RT_PANEL) : columns
      return stride(from: 0, to: Int(strip.rows) * columns, by: atOnce).map { first in
        let (row, column) = first.quotientAndRemainder(dividingBy: columns)
        let positions = rt_strip(
          image: strip.image, row: strip.row + Int32(row), rows: 1, column: strip.column + Int32(column),
          columns: Int32(min(atOnce, columns - column)))
        return (positions, number, first)
      }
    }
  }

  /// Floats that a strip takes.
  var stripFloats: Int { layout.stripStep }
  /// Floats that all take while they are made together.
  var sharedFloats: Int { strips.count * (layout.stripStep + layout.channelBlocks) }
  /// Panels of a strip, at most.
  var mostPanels: Int {
    layout.withPairs { pairs in
      strips.map { strip in withUnsafePointer(to: strip) { rt_strip_panels($0, pairs) } }.max() ?? 0
    }
  }

  /// Those of one strip.
  func make(_ strip: Int, of input: UnsafePointer<Float>, at place: UnsafeMutablePointer<Float>) {
    let blocks = 0..<layout.channelBlocks
    if layout.parts == RT_BYTES {
      let largest = layout.hasOwnFactors ? nil : largestSeen(in: input, strips[strip], blocks)
      cut(input, strips[strip], blocks, largest, to: place, factors: place + layout.words)
    } else {
      split(input, strips[strip], blocks, to: place)
    }
  }

  /// Those of all strips, one after the other, by all workers.
  func makeAll(of input: UnsafePointer<Float>, at place: UnsafeMutablePointer<Float>) {
    func eachBlock(_ body: (_ strip: Int, _ block: Int) -> Void) {
      Workers.shared.run(strips.count * layout.channelBlocks) { piece, _ in
        body(piece / layout.channelBlocks, piece % layout.channelBlocks)
      }
    }
    if layout.parts != RT_BYTES {
      eachBlock { strip, block in
        split(input, strips[strip], block..<block + 1, to: place + strip * stripFloats)
      }
      return
    }
    if layout.hasOwnFactors {
      Workers.shared.run(bandsOfPositions.count) { piece, _ in
        let band = bandsOfPositions[piece]
        let own = place + band.strip * stripFloats
        cut(
          input, band.positions, 0..<layout.channelBlocks, nil, to: own + band.first * Tensor.lanes,
          factors: own + layout.words + band.first)
      }
      return
    }
    let largest = place + strips.count * stripFloats
    eachBlock { strip, block in
      largest[strip * layout.channelBlocks + block] = largestSeen(in: input, strips[strip], block..<block + 1)
    }
    eachBlock { strip, block in
      // As bits, of which those of what is not a number are the most.
      var most: UInt32 = 0
      for other in 0..<layout.channelBlocks {
        most = max(most, largest[strip * layout.channelBlocks + other].bitPattern)
      }
      let own = place + strip * stripFloats
      cut(
        input, strips[strip], block..<block + 1, Float(bitPattern: most), to: own,
        factors: block == 0 ? own + layout.words : nil)
    }
  }

  /// Vectors of a position that a block takes.
  private var blockVectors: Int { Int(rt_part_channels(Int32(layout.parts))) / Tensor.lanes }

  private func split(
    _ input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>,
    to columns: UnsafeMutablePointer<Float>
  ) {
    let rows = Int(RT_ROWS)
    withArguments(strip) { window, strip, layout in
      for block in blocks {
        rt_split_positions(
          SplitColumns.words(columns + block * layout.pointee.block_step),
          input + block * blockVectors * inStep, inStep, Int32(min(rows, inChannels - block * rows)), window,
          strip, layout)
      }
    }
  }

  private func cut(
    _ input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>, _ largest: Float?,
    to columns: UnsafeMutablePointer<Float>, factors: UnsafeMutablePointer<Float>?
  ) {
    let first = blocks.lowerBound
    withArguments(strip) { window, strip, layout in
      func cut(_ largest: UnsafePointer<Float>?) {
        rt_byte_positions(
          SplitColumns.words(columns + first * layout.pointee.block_step), factors,
          input + first * blockVectors * inStep, inStep, blocks.count * blockVectors, largest, window, strip,
          layout)
      }
      if let largest { withUnsafePointer(to: largest, cut) } else { cut(nil) }
    }
  }

  private func largestSeen(in input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>) -> Float {
    withArguments(strip) { window, strip, _ in
      rt_largest_seen(
        input + blocks.lowerBound * blockVectors * inStep, inStep, blocks.count * blockVectors, window, strip)
    }
  }

  private func withArguments<Result>(
    _ strip: rt_strip,
    _ body: (UnsafePointer<rt_window>, UnsafePointer<rt_strip>, UnsafePointer<rt_pairs>) -> Result
  ) -> Result {
    withUnsafePointer(to: window) { window in
      withUnsafePointer(to: strip) { strip in layout.withPairs { body(window, strip, $0) } }
    }
  }

  static func words(_ floats: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt32.self)
  }

  static func words(_ floats: UnsafePointer<Float>) -> UnsafePointer<UInt32> {
    UnsafeRawPointer(floats).assumingMemoryBound(to: UInt32.self)
  }
}
