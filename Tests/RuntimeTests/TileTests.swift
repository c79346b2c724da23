import CKernels
import Testing

/// The tiles of products as written for each kind of CPU, as far as this one can execute them, against sums in
/// double precision.
@Suite struct TileTests {
  private static let (rows, panel, manyRows) = (Int(RT_ROWS), Int(RT_PANEL), Int(RT_MANY_ROWS))

  private static func variants() -> [rt_tile_variant] {
    var count = 0
    let first = rt_tile_variants(&count)
    return (0..<count).map { first[$0] }
  }

  private func random(_ name: String, _ count: Int) -> [Float] { uniform(name, count).map { 2 * $0 - 1 } }

  /// Whether each sum of so many terms is right, up to the rounding of each of them.
  private func agrees(
    _ depth: Int, rows: Int, positions: Int, own: (_ row: Int, _ position: Int) -> Float,
    term: (_ k: Int, _ row: Int, _ position: Int) -> Float
  ) -> Bool {
    for row in 0..<rows {
      for position in 0..<positions {
        let sum = (0..<depth).reduce(0.0) { $0 + Double(term($1, row, position)) }
        if abs(Double(own(row, position)) - sum) > 1e-6 * Double(depth + 1) { return false }
      }
    }
    return true
  }

  @Test(arguments: [0, 1, 7, 64, 129]) func panels(depth: Int) {
    let (rows, panel) = (TileTests.rows, TileTests.panel)
    let (weights, columns) = (random("w", depth * rows + 1), random("c", depth * panel + 1))
    for variant in TileTests.variants() {
      for count in [1, 5, 16, 17, 32] {
        var tile = [Float](repeating: .nan, count: rows * panel)
        variant.panel(&tile, weights, columns, depth, count)
        let isRight = agrees(
          depth, rows: rows, positions: count, own: { tile[$0 * panel + $1] },
          term: { weights[$0 * rows + $1] * columns[$0 * panel + $2] })
        #expect(isRight, "\(String(cString: variant.name)), \(count) positions")
      }
    }
  }

  @Test(arguments: [0, 1, 7, 64, 129]) func manyRows(depth: Int) {
    let (rows, panel, step) = (TileTests.manyRows, TileTests.panel, depth + 3)
    let weights = random("w", depth * rows + 1)
    let (columns, strided) = (random("c", depth * panel + 1), random("s", 8 * step))
    for variant in TileTests.variants() {
      for count in 1...8 {
        var tile = [Float](repeating: .nan, count: rows * 8)
        weights.withUnsafeBufferPointer {
          let ahead = rt_ahead_of_pass($0.baseAddress, Int(RT_SQUARE), depth, count % 3, count)
          variant.many_rows(&tile, weights, columns, depth, count, ahead)
        }
        let ofPanel = agrees(
          depth, rows: rows, positions: count, own: { tile[$1 * rows + $0] },
          term: { weights[$0 * rows + $1] * columns[$0 * panel + $2] })
        #expect(ofPanel, "\(String(cString: variant.name)), \(count) positions of a panel")
        variant.strided(&tile, weights, strided, step, depth, count, rt_ahead())
        let apart = agrees(
          depth, rows: rows, positions: count, own: { tile[$1 * rows + $0] },
          term: { weights[$0 * rows + $1] * strided[$2 * step + $0] })
        #expect(apart, "\(String(cString: variant.name)), \(count) positions apart")
      }
    }
  }

  /// Sums of products of bfloat16 pairs, by each unit that this CPU has, anew and continued.
  @Test(arguments: [1, 2], [1, 3, 17]) func bfloatPanels(parts: Int, squares: Int) {
    let (rows, panel, pairs) = (TileTests.manyRows, TileTests.panel, 16)
    // Two bfloat16 in a word.
    func words(_ name: String, _ count: Int) -> [UInt32] {
      zip(random(name, count), random(name + "'", count)).map { low, high in
        low.bitPattern >> 16 | high.bitPattern & 0xFFFF_0000
      }
    }
    func half(_ word: UInt32, _ high: Int) -> Double {
      Double(Float(bitPattern: high == 1 ? word & 0xFFFF_0000 : word << 16))
    }
    let weights = words("w", squares * parts * rows * pairs)
    let (rowStep, partStep) = (panel + 16, squares * pairs * (panel + 16))
    let columns = words("c", parts * partStep)
    let offsets = (0..<squares).map { $0 * pairs * rowStep }
    let before = random("s", rows * panel)

    var expected = before.map(Double.init)
    for r in 0..<rows {
      for p in 0..<panel {
        for k in 0..<squares {
          for i in 0..<parts {
            for j in 0..<parts - i {
              for l in 0..<pairs {
                let a = weights[((k * parts + i) * rows + r) * pairs + l]
                let b = columns[offsets[k] + j * partStep + l * rowStep + p]
                for h in 0...1 { expected[r * panel + p] += half(a, h) * half(b, h) }
              }
            }
          }
        }
      }
    }
    var count = 0
    let variants = rt_matrix_variants(&count)
    for variant in UnsafeBufferPointer(start: variants, count: count) where variant.most_parts >= parts {
      for anew in [false, true] {
        var sums = before
        weights.withUnsafeBufferPointer { weights in
          columns.withUnsafeBufferPointer { columns in
            offsets.withUnsafeBufferPointer { offsets in
              let own = (0..<squares).map { weights.baseAddress! + $0 * parts * rows * pairs }
              var seen = rt_matrix_columns(
                pairs: columns.baseAddress!, offsets: offsets.baseAddress!, row_step: rowStep,
                part_step: partStep)
              rt_matrix_begin()
              variant.panel(&sums, panel, own, &seen, squares, Int32(parts), anew, nil)
              rt_matrix_end()
            }
          }
        }
        let wanted = anew ? zip(expected, before).map { $0 - Double($1) } : expected
        #expect(relativeError(sums, wanted) < 1e-6, "\(String(cString: variant.name))")
      }
    }
  }
}
