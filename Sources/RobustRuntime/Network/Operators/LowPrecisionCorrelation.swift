import CKernels

/// A correlation as a GEMM of short numbers, by the CPU's units for these: in bf16; in bf16x2, of a gradient; or,
/// forward, in int8x3.
///
/// With bf16x2 a few millionths of the gradient are lost. Forward that would be too much: it would switch ReLUs,
/// each of which changes the gradient for good. Backward the ReLUs are settled. With int8x3 no more is lost than by
/// sums of floats.
///
/// There is no im2col: strips of the map are packed once, and every tap is a shift in them.
struct LowPrecisionCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let format: rt_format
  private let weights: PackedWeights
  /// Words of a row block of weights.
  private let rowWords: Int
  private let window: rt_window
  private let outBlockStride: Int
  private let columns: PackedColumns
  /// Strips and row blocks of a task.
  private let taskStrips, taskRowBlocks: Int
  private let stripTasks, rowTasks: Int
  /// Whether columns are packed first and shared by the tasks; else each task packs its own.
  private let sharesColumns: Bool
  /// Floats of scratch memory for a task's sums.
  private let sumFloats: Int

  /// Words of columns that stay in a core's second-level cache.
  private static let taskBudget = 5 << 16
  /// Words of columns that are shared at most.
  private static let sharedBudget = 1 << 20

  /// - Throws: `RuntimeError.outOfMemory`
  init(
    _ correlation: Correlation, _ format: rt_format, images: Int, from input: Shape, to output: Shape,
    _ mapWindow: rt_window
  ) throws {
    (self.correlation, self.format) = (correlation, format)
    weights = try correlation.weights(.lowPrecision(format))
    rowWords = correlation.rowWords(format)
    outBlockStride = output.blockStride(images: images)
    let inBlockStride = input.blockStride(images: images)

    // A pointwise convolution sees the whole map as one line.
    var (window, images) = (mapWindow, images)
    if withUnsafePointer(to: mapWindow, rt_is_pointwise) {
      let positions = window.height * window.width * Int32(images)
      (window.height, window.grid_height, window.width, window.grid_width) = (1, 1, positions, positions)
      (window.out_height, window.out_width) = (1, positions)
      images = 1
    }
    self.window = window

    let whole = PackedColumns.Layout(
      correlation, format, window, lines: Int(window.grid_height), columns: Int(window.grid_width))
    let rowBlocks = correlation.rowBlocks
    sharesColumns = images * whole.stripStride <= LowPrecisionCorrelation.sharedBudget

    // Few tasks share a pass over the weights.
    func tasks(_ images: Int) -> Int {
      let words = images * whole.stripStride
      let needed = (words + LowPrecisionCorrelation.taskBudget - 1) / LowPrecisionCorrelation.taskBudget
      return words <= LowPrecisionCorrelation.sharedBudget
        ? max(needed, (Tasks.fewest + rowBlocks - 1) / rowBlocks) : Tasks.balanced(needed)
    }
    // In int8x3 the positions of a strip share a scale, unless each has its own: an image is cut as if it were alone.
    let sharesScales = format == RT_INT8X3 && !whole.hasPositionScales
    let wanted = tasks(images)
    let strips = LowPrecisionCorrelation.strips(
      window, images: images, atLeast: sharesScales ? images * tasks(1) : wanted)
    taskStrips = (strips.count + wanted - 1) / wanted
    stripTasks = (strips.count + taskStrips - 1) / taskStrips
    rowTasks = sharesColumns ? min(rowBlocks, max((2 * Tasks.fewest + stripTasks - 1) / stripTasks, 1)) : 1
    taskRowBlocks = (rowBlocks + rowTasks - 1) / rowTasks
    columns = PackedColumns(
      correlation, format, window, strips: strips, inBlockStride: inBlockStride, areShared: sharesColumns)
    sumFloats = taskStrips * columns.mostPanels * rt_panel_sum_floats(format)
  }

  /// Cuts the grid in strips: the single line of a pointwise convolution in ranges of whole panels, images in bands of
  /// lines.
  private static func strips(_ w: rt_window, images: Int, atLeast wanted: Int) -> [rt_strip] {
    let (height, width, panel) = (Int(w.grid_height), Int(w.grid_width), Int(RT_PANEL))
    if images == 1 && height == 1 && w.taps_height * w.taps_width == 1 {
      let panels = (width + panel - 1) / panel
      let ranges = min(wanted, panels)
      return (0..<ranges).map { range in
        let first = panels * range / ranges * panel
        let end = min(panels * (range + 1) / ranges * panel, width)
        return rt_strip(
          image: 0, row: 0, rows: 1, column: Int32(first), columns: Int32(end - first))
      }
    }
    let bands = min((wanted + images - 1) / max(images, 1), height)
    return (0..<images * bands).map {
      let (image, band) = $0.quotientAndRemainder(dividingBy: bands)
      let (row, end) = (height * band / bands, height * (band + 1) / bands)
      return rt_strip(
        image: Int32(image), row: Int32(row), rows: Int32(end - row), column: 0, columns: Int32(width))
    }
  }

  private var columnFloats: Int { taskStrips * columns.stripFloats }

  var scratch: Int { (sharesColumns ? 0 : columnFloats) + sumFloats }
  var sharedScratch: Int { sharesColumns ? columns.sharedFloats : 0 }
  let canMask = true
  let isEmpty = false

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  ) {
    correlation.refresh(weights, .lowPrecision(format))
    if sharesColumns { columns.packAll(of: input, to: scratch.shared) }
    let rows = Int(RT_MR)
    Workers.shared.run(stripTasks * rowTasks) { task, worker in
      let (stripTask, rowTask) = task.quotientAndRemainder(dividingBy: rowTasks)
      let rowBlock = rowTask * taskRowBlocks
      let outputs = min(taskRowBlocks * rows, correlation.outChannels - rowBlock * rows)
      let strips = stripTask * taskStrips..<min((stripTask + 1) * taskStrips, columns.strips.count)
      guard outputs > 0 else { return }
      var own = scratch[worker]
      var packed = scratch.shared + strips.lowerBound * columns.stripFloats
      if !sharesColumns {
        (packed, own) = (own, own + columnFloats)
        for strip in strips {
          columns.pack(strip, of: input, to: packed + (strip - strips.lowerBound) * columns.stripFloats)
        }
      }
      let rowEpilogue = epilogue.from(channel: rowBlock * rows, blockStride: outBlockStride)
      multiply(
        output + rowBlock * rows / Tensor.blockSize * outBlockStride, rowBlock, outputs, packed, strips,
        rowEpilogue, own)
    }
  }

  /// Multiplies some strips with the weights of some outputs, from a row block on.
  private func multiply(
    _ out: UnsafeMutablePointer<Float>, _ rowBlock: Int, _ outputs: Int, _ packed: UnsafePointer<Float>,
    _ strips: Range<Int>, _ epilogue: rt_epilogue, _ scratch: UnsafeMutablePointer<Float>
  ) {
    columns.layout.withPackedLayout { layout in
      columns.strips.withUnsafeBufferPointer { all in
        withUnsafePointer(to: window) { window in
          var epilogue = epilogue
          rt_low_precision_gemm(
            out, outBlockStride, PackedColumns.words(UnsafePointer(weights.base) + rowBlock * rowWords),
            outputs,
            rowBlock + taskRowBlocks < correlation.rowBlocks, PackedColumns.words(packed), layout, window,
            all.baseAddress! + strips.lowerBound, strips.count, &epilogue, scratch)
        }
      }
    }
  }
}
