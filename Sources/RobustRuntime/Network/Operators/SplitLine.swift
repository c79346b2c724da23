import CKernels

/// Products of a line of positions by a matrix, by the CPU's units for bfloat16: a correlation of one tap.
struct SplitLine {
  private let correlation: Correlation
  private let squares: Correlation.Squares
  private let parts: Int
  /// Words from one block of channels to the next.
  private let blockStep: Int
  private let productScratch: Int

  /// - Parameter positions: at most, of a line.
  /// - Throws: `RuntimeError.outOfMemory`
  init(_ correlation: Correlation, parts: Int, positions: Int) throws {
    (self.correlation, self.parts, squares) = (correlation, parts, try correlation.squares(parts: parts))
    let panels = (positions + Int(RT_PANEL) - 1) / Int(RT_PANEL)
    blockStep = (panels * Int(RT_PANEL) | 1) * Tensor.lanes
    productScratch = rt_split_scratch(panels, Int32(parts))
  }

  private var words: Int { parts * correlation.channelBlocks * blockStep }
  /// Floats.
  var scratch: Int { words + productScratch }

  /// Calls `body` with the weights' place and the offset of a tap that is alone.
  static func withTheOnlyTap(_ body: (UnsafePointer<Int32>, UnsafePointer<Int>) -> Void) {
    withUnsafePointer(to: 0 as Int32) { tap in withUnsafePointer(to: 0) { offset in body(tap, offset) } }
  }

  /// Of positions first..<first + count of the input; the first of them is the first of the output.
  func run(
    _ input: UnsafePointer<Float>, step inStep: Int, _ first: Int, _ count: Int,
    to output: UnsafeMutablePointer<Float>, step outStep: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let blocks = correlation.channelBlocks
    var line = rt_window(
      height: 1, width: Int32(count), grid_height: 1, grid_width: Int32(count), step: 1, top: 0, left: 0,
      taps_height: 1, taps_width: 1, out_height: 1, out_width: Int32(count), spread: 1, y: 0, x: 0)
    var strip = rt_strip(image: 0, row: 0, rows: 1, column: 0, columns: Int32(count))
    let columns = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UInt32.self)
    SplitLine.withTheOnlyTap { tap, offset in
      var layout = rt_pairs(
        parts: Int32(parts), channel_blocks: Int32(blocks), width: Int32(count), taps: 1, taps_width: 1,
        offsets: offset, strip_step: 0, part_step: blocks * blockStep, block_step: blockStep,
        phase_step: blockStep)
      for block in 0..<blocks {
        let channel = block * Int(RT_ROWS)
        rt_split_positions(
          columns + block * blockStep,
          input + channel / Tensor.lanes * inStep + first * Tensor.lanes, inStep,
          Int32(min(Int(RT_ROWS), correlation.inChannels - channel)), &line, &strip, &layout)
      }
      squares.withWeights(taps: tap) { weights in
        var finish = rt_finish()
        rt_split_product(
          output, outStep, weights, 0, correlation.outChannels, false, columns, &layout, &line, &strip, 1,
          &finish,
          scratch + words)
      }
    }
  }
}
