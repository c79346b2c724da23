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
}
