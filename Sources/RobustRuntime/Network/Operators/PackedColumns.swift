import CKernels

/// What strips of a map see, packed for VNNI in a low-precision format: the right-hand operand of a
/// `LowPrecisionCorrelation`.
struct PackedColumns {
  let strips: [rt_strip]
  let layout: Layout
  private let window: rt_window
  private let inChannels, inBlockStride: Int
  /// What can be quantized to int8x3 alone: lines, or panels of a strip's only line, as they follow each other in
  /// the strip.
  private let bandsOfPositions: [(positions: rt_strip, strip: Int, first: Int)]

  /// The layout of a strip, as in `rt_packed_layout`.
  struct Layout {
    let format: rt_format
    let channelBlocks, width, tapsWidth, phaseStride, blockStride: Int
    /// [tap]: words from where the first tap sees a position to where this one does.
    let tapOffsets: [Int]
    /// Floats of the scales of the positions of a strip's panels, behind the words of int8x3.
    let scales: Int

    /// Whether each position is quantized with a scale of its own, since no other tap sees it.
    var hasPositionScales: Bool { format == RT_INT8X3 && tapOffsets.count == 1 }

    var sliceStride: Int { channelBlocks * blockStride }
    var words: Int { rt_slices(format) * sliceStride }
    var stripStride: Int { words + scales }

    /// - Parameter lines: lines of the grid in a strip, at most.
    init(_ correlation: Correlation, _ format: rt_format, _ w: rt_window, lines: Int, columns: Int) {
      let (panel, blockSize, stride) = (Int(RT_PANEL), Tensor.blockSize, Int(w.stride))
      let (height, tapsWidth) = (Int(w.taps_height), Int(w.taps_width))
      let (down, across) = ((height - 1) / stride, (tapsWidth - 1) / stride)
      let width = columns + across
      // Panels reach beyond the last line.
      let panels = ((lines - 1) * width + columns + panel - 1) / panel
      let positions = max(panels * panel + down * width + across, (lines + down) * width)
      let phaseStride = positions * blockSize
      // An odd number of positions, so that blocks do not all meet in the same part of a cache.
      blockStride = (positions * stride * stride | 1) * blockSize
      tapOffsets = (0..<height).flatMap { y in
        (0..<tapsWidth).map { x in
          (y % stride * stride + x % stride) * phaseStride + (y / stride * width + x / stride) * blockSize
        }
      }
      (self.format, channelBlocks) = (format, correlation.channelBlocks(format))
      scales = format == RT_INT8X3 ? panels * panel : 0
      (self.width, self.tapsWidth, self.phaseStride) = (width, tapsWidth, phaseStride)
    }

    func withPackedLayout<Result>(_ body: (UnsafePointer<rt_packed_layout>) -> Result) -> Result {
      tapOffsets.withUnsafeBufferPointer {
        var layout = rt_packed_layout(
          format: format, channel_blocks: Int32(channelBlocks), width: Int32(width),
          taps: Int32(tapOffsets.count), taps_width: Int32(tapsWidth), tap_offsets: $0.baseAddress!,
          strip_stride: stripStride, slice_stride: sliceStride, block_stride: blockStride,
          phase_stride: phaseStride)
        return body(&layout)
      }
    }
  }

  /// - Parameter areShared: whether the columns of all strips are packed together.
  init(
    _ correlation: Correlation, _ format: rt_format, _ window: rt_window, strips: [rt_strip],
    inBlockStride: Int,
    areShared: Bool
  ) {
    (self.strips, self.window) = (strips, window)
    (inChannels, self.inBlockStride) = (correlation.inChannels, inBlockStride)
    layout = Layout(
      correlation, format, window, lines: strips.map { Int($0.rows) }.max() ?? 1,
      columns: strips.map { Int($0.columns) }.max() ?? 1)
    bandsOfPositions = areShared && layout.hasPositionScales ? PackedColumns.bands(of: strips) : []
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
  var stripFloats: Int { layout.stripStride }
  /// Floats that all strips take while they are packed together.
  var sharedFloats: Int { strips.count * (layout.stripStride + layout.channelBlocks) }
  /// Panels of a strip, at most.
  var mostPanels: Int {
    layout.withPackedLayout { layout in
      strips.map { strip in withUnsafePointer(to: strip) { rt_strip_panels($0, layout) } }.max() ?? 0
    }
  }

  /// Packs the columns of one strip.
  func pack(_ strip: Int, of input: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>) {
    let blocks = 0..<layout.channelBlocks
    if layout.format == RT_INT8X3 {
      let maxAbs = layout.hasPositionScales ? nil : maxAbs(of: input, strips[strip], blocks)
      packInt8x3(input, strips[strip], blocks, maxAbs, to: packed, scales: packed + layout.words)
    } else {
      packBF16(input, strips[strip], blocks, to: packed)
    }
  }

  /// Packs the columns of all strips, one strip behind the other, by all workers.
  func packAll(of input: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>) {
    func eachBlock(_ body: (_ strip: Int, _ block: Int) -> Void) {
      Workers.shared.run(strips.count * layout.channelBlocks) { task, _ in
        body(task / layout.channelBlocks, task % layout.channelBlocks)
      }
    }
    if layout.format != RT_INT8X3 {
      eachBlock { strip, block in
        packBF16(input, strips[strip], block..<block + 1, to: packed + strip * stripFloats)
      }
      return
    }
    if layout.hasPositionScales {
      Workers.shared.run(bandsOfPositions.count) { task, _ in
        let band = bandsOfPositions[task]
        let own = packed + band.strip * stripFloats
        packInt8x3(
          input, band.positions, 0..<layout.channelBlocks, nil, to: own + band.first * Tensor.blockSize,
          scales: own + layout.words + band.first)
      }
      return
    }
    let blockMaxAbs = packed + strips.count * stripFloats
    eachBlock { strip, block in
      blockMaxAbs[strip * layout.channelBlocks + block] = maxAbs(of: input, strips[strip], block..<block + 1)
    }
    eachBlock { strip, block in
      // Compared as bits, of which those of NaN are the most.
      var most: UInt32 = 0
      for other in 0..<layout.channelBlocks {
        most = max(most, blockMaxAbs[strip * layout.channelBlocks + other].bitPattern)
      }
      let own = packed + strip * stripFloats
      packInt8x3(
        input, strips[strip], block..<block + 1, Float(bitPattern: most), to: own,
        scales: block == 0 ? own + layout.words : nil)
    }
  }

  /// Blocks of 16 channels that a block of the layout takes.
  private var blocksOfBlock: Int { rt_k_block_channels(layout.format) / Tensor.blockSize }

  private func packBF16(
    _ input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>,
    to packed: UnsafeMutablePointer<Float>
  ) {
    let channels = rt_k_block_channels(layout.format)
    withArguments(strip) { window, strip, layout in
      for block in blocks {
        rt_pack_bf16(
          PackedColumns.words(packed + block * layout.pointee.block_stride),
          input + block * blocksOfBlock * inBlockStride, inBlockStride,
          Int32(min(channels, inChannels - block * channels)), window, strip, layout)
      }
    }
  }

  private func packInt8x3(
    _ input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>, _ maxAbs: Float?,
    to packed: UnsafeMutablePointer<Float>, scales: UnsafeMutablePointer<Float>?
  ) {
    let first = blocks.lowerBound
    withArguments(strip) { window, strip, layout in
      func pack(_ maxAbs: UnsafePointer<Float>?) {
        rt_pack_int8x3(
          PackedColumns.words(packed + first * layout.pointee.block_stride), scales,
          input + first * blocksOfBlock * inBlockStride, inBlockStride, blocks.count * blocksOfBlock, maxAbs,
          window, strip, layout)
      }
      if let maxAbs { withUnsafePointer(to: maxAbs, pack) } else { pack(nil) }
    }
  }

  private func maxAbs(of input: UnsafePointer<Float>, _ strip: rt_strip, _ blocks: Range<Int>) -> Float {
    withArguments(strip) { window, strip, _ in
      rt_window_max_abs(
        input + blocks.lowerBound * blocksOfBlock * inBlockStride, inBlockStride,
        blocks.count * blocksOfBlock,
        window, strip)
    }
  }

  private func withArguments<Result>(
    _ strip: rt_strip,
    _ body: (UnsafePointer<rt_window>, UnsafePointer<rt_strip>, UnsafePointer<rt_packed_layout>) -> Result
  ) -> Result {
    withUnsafePointer(to: window) { window in
      withUnsafePointer(to: strip) { strip in layout.withPackedLayout { body(window, strip, $0) } }
    }
  }

  static func words(_ floats: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt32.self)
  }

  static func words(_ floats: UnsafePointer<Float>) -> UnsafePointer<UInt32> {
    UnsafeRawPointer(floats).assumingMemoryBound(to: UInt32.self)
  }
}
