import CKernels

/// How the sums of a correlation are made.
enum CorrelationMethod {
  /// Columns of inputs, times rows of weights; positions side by side in the registers.
  case gather
  /// The same with rows side by side, for maps of so few positions that these would not fill whole panels.
  case gatherManyRows
  /// Winograd's F(4x4, 3x3).
  case winograd

  /// By the products that each takes. Winograd's algorithm takes 36 for each tile, the other one for each
  /// position and tap; its transforms take about as long as 24 more channels would.
  init(_ c: Correlation, _ preferred: Convolution.Algorithm?, tiles: Int, positions: Int) {
    let (w, products) = (c.window, c.inChannels * c.outChannels)
    func whole(_ count: Int, _ unit: Int) -> Int { (count + unit - 1) / unit * unit }
    let half = Int(RT_PANEL) / 2
    let taps = w.tapsHeight * w.tapsWidth
    let panels = whole(positions, half) * c.paddedOutputs(block: Int(RT_ROWS))
    // A little slower than whole panels.
    let manyRows = (whole(positions, 4) * 33 + 31) / 32 * c.paddedOutputs(block: Int(RT_MANY_ROWS))
    self = manyRows < panels && c.groups == 1 && c.phases == 1 ? .gatherManyRows : .gather
    guard taps == 9, w.tapsHeight == 3, w.step == 1, w.spread == 1, c.groups == 1, preferred != .gather else {
      return
    }
    let winograd =
      Int(RT_WINOGRAD) * whole(tiles, half) * (products + 24 * (c.inChannels + c.outChannels))
    let gather = taps * c.inChannels * min(panels, manyRows)
    if winograd < gather || preferred == .winograd { self = .winograd }
  }

  /// Rows of a block of weights.
  var block: Int { Int(self == .gatherManyRows ? RT_MANY_ROWS : RT_ROWS) }

  /// Floats of columns for each position, and of weights for each row.
  func depth(_ c: Correlation) -> Int { self == .winograd ? Int(RT_WINOGRAD) * c.inChannels : c.depth }

  /// Multiplies columns with packed weights.
  func product(
    _ out: UnsafeMutablePointer<Float>, _ stride: Int, _ weights: UnsafePointer<Float>,
    _ columns: UnsafePointer<Float>, _ depth: Int, _ rows: Int, _ count: Int,
    _ finish: UnsafePointer<rt_finish>
  ) {
    if self == .gatherManyRows {
      rt_product_many_rows(out, stride, weights, columns, depth, rows, count, finish)
    } else {
      rt_product(out, stride, weights, columns, depth, rows, count, finish)
    }
  }
}
