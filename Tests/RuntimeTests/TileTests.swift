import CKernels
import Testing

/// The tiles of products as written for each kind of CPU, as far as this one can execute them, against sums in
/// double precision.
@Suite struct TileTests {
  private static let (rows, lanes, panel) = (Int(RT_ROWS), Int(RT_LANES), Int(RT_PANEL))

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

  /// Random words of two bfloat16, as floats.
  private func randomPairs(_ name: String, _ count: Int) -> [Float] {
    random(name, 2 * count).withUnsafeBufferPointer { values in
      (0..<count).map { k in
        let (low, high) = (values[2 * k].bitPattern >> 16, values[2 * k + 1].bitPattern & 0xffff_0000)
        return Float(bitPattern: low | high)
      }
    }
  }

  /// The product of two floats, or the sum of the two of pairs.
  private func product(_ x: Float, _ y: Float, pairs: Bool) -> Float {
    guard pairs else { return x * y }
    func half(_ x: Float, _ high: Bool) -> Float {
      Float(bitPattern: high ? x.bitPattern & 0xffff_0000 : x.bitPattern << 16)
    }
    return half(x, false) * half(y, false) + half(x, true) * half(y, true)
  }

  /// Terms [tap][block of channels][lane] of positions that lie anywhere, by one block of rows and by two.
  @Test(
    arguments: [(0, 1), (1, 0), (1, 1), (1, 5), (9, 1), (4, 3)],
    [(1, false), (2, false), (1, true), (2, true)])
  func sums(_ size: (taps: Int, blocks: Int), _ kind: (rowBlocks: Int, pairs: Bool)) {
    let (rowBlocks, pairs) = kind
    let (rows, lanes, depth) = (TileTests.rows, TileTests.lanes, size.taps * size.blocks * TileTests.lanes)
    let (step, second) = (7 * lanes + 3, depth * rows + 5)
    let make = pairs ? randomPairs : random
    let weights = make("w", 2 * second)
    let columns = make("c", 200 + step * max(size.blocks, 1) + lanes)
    for variant in TileTests.variants() {
      for count in 1...Int(rowBlocks == 2 ? RT_PAIR_POSITIONS : RT_SINGLE_POSITIONS) {
        let starts = words("from", count: size.taps * count + 1).map { Int($0 % 200) }
        var sums = [Float](repeating: .nan, count: rowBlocks * rows * count)
        columns.withUnsafeBufferPointer { columns in
          let from = starts.map { columns.baseAddress! + $0 }
          from.withUnsafeBufferPointer { from in
            weights.withUnsafeBufferPointer { weights in
              var terms = rt_terms(
                from: from.baseAddress!, taps: size.taps, blocks: size.blocks, step: step, pairs: pairs)
              let all = rt_ahead(
                weights: weights.baseAddress!, second: second, step: Int(RT_SQUARE), line: 0, lines: 0)
              let ahead = rt_ahead_of_pass(all, depth, count % 3, count)
              variant.tile(&sums, weights.baseAddress!, second, Int32(rowBlocks), &terms, count, ahead)
            }
          }
        }
        let isRight = agrees(
          depth, rows: rowBlocks * rows, positions: count, own: { sums[$1 * rowBlocks * rows + $0] },
          term: { k, row, position in
            let (tap, channel) = k.quotientAndRemainder(dividingBy: size.blocks * lanes)
            let at = starts[tap * count + position] + channel / lanes * step + channel % lanes
            return product(weights[row / rows * second + k * rows + row % rows], columns[at], pairs: pairs)
          })
        #expect(isRight, "\(String(cString: variant.name)), \(count) positions")
      }
    }
  }

  /// Sums of products of bfloat16 pairs, by each unit that this CPU has, anew and continued.
  @Test(arguments: [1, 2], [1, 3, 17]) func bfloatPanels(parts: Int, squares: Int) {
    let (rows, panel, lanes) = (TileTests.rows, TileTests.panel, TileTests.lanes)
    // Two bfloat16 in a word.
    func words(_ name: String, _ count: Int) -> [UInt32] {
      zip(random(name, count), random(name + "'", count)).map { low, high in
        low.bitPattern >> 16 | high.bitPattern & 0xFFFF_0000
      }
    }
    func half(_ word: UInt32, _ high: Int) -> Double {
      Double(Float(bitPattern: high == 1 ? word & 0xFFFF_0000 : word << 16))
    }
    let partWords = rows * lanes
    let weights = words("w", squares * parts * partWords)
    let (squareStep, partStep) = ((panel + 1) * lanes, squares * (panel + 1) * lanes)
    let columns = words("c", parts * partStep)
    let offsets = (0..<squares).map { $0 * squareStep }
    let before = random("s", rows * panel)

    var expected = before.map(Double.init)
    for p in 0..<panel {
      for r in 0..<rows {
        for k in 0..<squares {
          for i in 0..<parts {
            for j in 0..<parts - i {
              for l in 0..<lanes {
                let a = weights[(k * parts + i) * partWords + (r / lanes * lanes + l) * lanes + r % lanes]
                let b = columns[offsets[k] + j * partStep + p * lanes + l]
                for h in 0...1 { expected[p * rows + r] += half(a, h) * half(b, h) }
              }
            }
          }
        }
      }
    }
    eachUnit(parts, weights, columns, offsets, partStep: partStep, from: before) { unit, anew, sums in
      let wanted = anew ? zip(expected, before).map { $0 - Double($1) } : expected
      #expect(relativeError(sums, wanted) < 1e-6, "\(unit)")
    }
  }

  /// Makes a panel by each unit that this CPU has, continued from given sums and anew.
  private func eachUnit(
    _ parts: Int, _ weights: [UInt32], _ columns: [UInt32], _ offsets: [Int], partStep: Int,
    from before: [Float], _ check: (_ unit: String, _ anew: Bool, _ sums: [Float]) -> Void
  ) {
    var count = 0
    let variants = rt_matrix_variants(&count)
    for variant in UnsafeBufferPointer(start: variants, count: count) where variant.most_parts >= parts {
      for anew in [false, true] {
        var sums = before
        weights.withUnsafeBufferPointer { weights in
          columns.withUnsafeBufferPointer { columns in
            offsets.withUnsafeBufferPointer { offsets in
              var seen = rt_matrix_positions(
                pairs: columns.baseAddress!, offsets: offsets.baseAddress!, part_step: partStep)
              rt_matrix_begin()
              variant.panel(&sums, weights.baseAddress!, &seen, offsets.count, Int32(parts), anew, nil)
              rt_matrix_end()
            }
          }
        }
        check(String(cString: variant.name), anew, sums)
      }
    }
  }

  /// Sums of products of bytes, which are exact, by each unit that this CPU has, anew and continued.
  @Test(arguments: [1, 3, 17]) func panelsOfBytes(blocks: Int) {
    let (rows, panel, lanes, parts) = (TileTests.rows, TileTests.panel, TileTests.lanes, Int(RT_BYTES))
    func words(_ name: String, _ count: Int) -> [UInt32] { random(name, count).map(\.bitPattern) }
    func byte(_ word: UInt32, _ number: Int) -> Int {
      Int(Int8(truncatingIfNeeded: word >> (8 * UInt32(number))))
    }
    let partWords = rows * lanes
    let weights = words("w", blocks * parts * partWords)
    let (blockStep, partStep) = ((panel + 1) * lanes, blocks * (panel + 1) * lanes)
    let columns = words("c", parts * partStep)
    let offsets = (0..<blocks).map { $0 * blockStep }
    let before = (0..<parts * rows * panel).map { Int32(truncatingIfNeeded: $0 &* 7919) }

    var expected = [Int](repeating: 0, count: parts * rows * panel)
    for order in 0..<parts {
      for p in 0..<panel {
        for r in 0..<rows {
          var sum = 0
          for k in 0..<blocks {
            for i in 0...order {
              for l in 0..<lanes {
                let a = weights[(k * parts + i) * partWords + (r / lanes * lanes + l) * lanes + r % lanes]
                let b = columns[offsets[k] + (order - i) * partStep + p * lanes + l]
                for number in 0..<Int(RT_BYTE_VECTORS) { sum += byte(a, number) * byte(b, number) }
              }
            }
          }
          expected[(order * panel + p) * rows + r] = sum
        }
      }
    }
    eachUnit(
      parts, weights, columns, offsets, partStep: partStep,
      from: before.map { Float(bitPattern: UInt32(bitPattern: $0)) }
    ) { unit, anew, sums in
      let made = sums.map { Int(Int32(bitPattern: $0.bitPattern)) }
      let wanted = zip(expected, before).map { anew ? $0 : $0 + Int($1) }
      #expect(made == wanted, "\(unit)")
    }
  }
}
