import CKernels
import Synchronization

/// The most that this machine's processors do in products of floats, to measure operators by; operations per
/// second, a product and a sum being two.
package enum Peaks {
  /// A matrix product by OpenBLAS, of a size that suits it, on as many threads as compute.
  /// - Throws: `RuntimeError.invalid` without OpenBLAS.
  package static func matrixProduct() throws(RuntimeError) -> Double {
    let multiply = try MatrixProduct.loaded()
    let size = 1536
    let (a, b) = ([Float](repeating: 0.5, count: size * size), [Float](repeating: 0.25, count: size * size))
    var product = [Float](repeating: 0, count: size * size)
    return multiply.withThreads(Workers.shared.threads.load(ordering: .relaxed)) {
      fastest(of: 8, operations: 2 * Double(size) * Double(size) * Double(size)) {
        multiply(
          rows: size, columns: size, depth: size, left: a, leftStride: size, right: b, rightStride: size,
          to: &product,
          stride: size)
      }
    }
  }

  /// The tiles of which convolutions are made, on data in the first-level cache.
  package static func tiles() -> Double {
    let (depth, repetitions, rows, positions) = (96, 2000, 2 * Int(RT_ROWS), Int(RT_PAIR_POSITIONS))
    let pieces = 4 * Workers.shared.threads.load(ordering: .relaxed)
    let weights = [Float](repeating: 0.5, count: depth * rows)
    let columns = [Float](repeating: 0.25, count: depth * positions)
    return fastest(of: 8, operations: 2 * Double(depth * rows * positions) * Double(repetitions * pieces)) {
      Workers.shared.run(pieces) { _, _ in
        columns.withUnsafeBufferPointer { columns in
          let from = (0..<positions).map { columns.baseAddress! + $0 * depth }
          from.withUnsafeBufferPointer { from in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * positions) { sums in
              var terms = rt_terms(
                from: from.baseAddress!, taps: 1, blocks: depth / Tensor.lanes, step: Tensor.lanes,
                pairs: false)
              for _ in 0..<repetitions {
                rt_tile(sums.baseAddress!, weights, depth * Int(RT_ROWS), 2, &terms, positions, rt_ahead())
              }
            }
          }
        }
      }
    }
  }

  /// The matrix units of which gradients are made, on data in the second-level cache, splitting the weights; a product
  /// of floats is counted once, not for each product of parts. Nil: there are none.
  package static func matrixUnits() -> Double? {
    guard rt_bfloat_products() == RT_BFLOAT_TILES else { return nil }
    let (blocks, repetitions, rows) = (8, 200, Int(RT_ROWS))
    let positions = 8 * Int(RT_PANEL)
    let pieces = 4 * Workers.shared.threads.load(ordering: .relaxed)
    let word: UInt32 = 0x3E9A_BE23
    let weights = [UInt32](repeating: word, count: rt_row_words(blocks, 2))
    let (blockStep, lanes) = (positions * Tensor.lanes, Tensor.lanes)
    let pairs = [UInt32](repeating: word, count: 2 * blocks * blockStep)
    var window = rt_window()
    (window.out_height, window.out_width, window.spread) = (1, Int32(positions), 1)
    let seen = window
    return fastest(
      of: 8, operations: 2 * Double(blocks * rows * rows * positions) * Double(repetitions * pieces)
    ) {
      Workers.shared.run(pieces) { _, _ in
        let sums = positions / Int(RT_PANEL) * rt_panel_sums(2)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * positions + sums) { memory in
          withUnsafePointer(to: 0) { offset in
            var layout = rt_pairs(
              parts: 2, channel_blocks: Int32(blocks), width: Int32(positions), taps: 1, taps_width: 1,
              offsets: offset, strip_step: 0, part_step: blocks * blockStep, block_step: blockStep,
              phase_step: blockStep)
            var strip = rt_strip(image: 0, row: 0, rows: 1, column: 0, columns: Int32(positions))
            var (window, finish) = (seen, rt_finish())
            for _ in 0..<repetitions {
              rt_split_product(
                memory.baseAddress!, positions * lanes, weights, rows, false, pairs, &layout, &window, &strip,
                1, &finish, memory.baseAddress! + rows * positions)
            }
          }
        }
      }
    }
  }

  private static func fastest(of passes: Int, operations: Double, _ body: () -> Void) -> Double {
    var least = Double.infinity
    for _ in 0..<passes {
      let start = Plan.seconds
      body()
      least = min(least, Plan.seconds - start)
    }
    return operations / least
  }
}
