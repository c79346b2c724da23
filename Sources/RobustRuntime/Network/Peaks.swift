import CKernels
import Synchronization

/// The most that this machine's processors do in products of floats, to measure operators by: operations per second, a
/// product and a sum being two.
package enum Peaks {
  /// Products in registers, on as many threads as compute: what the vector units do at most.
  package static func registers() -> Double {
    let (tasks, repetitions) = (4 * Workers.shared.threads.load(ordering: .relaxed), 400_000)
    var result: Float = 0
    let operations = tasks * rt_multiply_in_registers(repetitions, &result)
    return fastest(of: 8, operations: Double(operations)) {
      Workers.shared.run(tasks) { _, _ in
        var result: Float = 0
        _ = rt_multiply_in_registers(repetitions, &result)
      }
    }
  }

  /// The micro-kernel of which convolutions are made, on data in the first-level cache.
  package static func microKernel() -> Double {
    let (depth, repetitions, rows, positions) = (96, 2000, 2 * Int(RT_MR), Int(RT_NR_DOUBLE))
    let tasks = 4 * Workers.shared.threads.load(ordering: .relaxed)
    let weights = [Float](repeating: 0.5, count: depth * rows)
    let columns = [Float](repeating: 0.25, count: depth * positions)
    return fastest(of: 8, operations: 2 * Double(depth * rows * positions) * Double(repetitions * tasks)) {
      Workers.shared.run(tasks) { _, _ in
        columns.withUnsafeBufferPointer { columns in
          let pointers = (0..<positions).map { columns.baseAddress! + $0 * depth }
          pointers.withUnsafeBufferPointer { pointers in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * positions) { sums in
              var input = rt_indirection(
                pointers: pointers.baseAddress!, taps: 1, blocks: depth / Tensor.blockSize,
                block_stride: Tensor.blockSize, format: RT_F32, accumulate: false)
              for _ in 0..<repetitions {
                rt_micro_kernel(
                  sums.baseAddress!, weights, depth * Int(RT_MR), 2, &input, positions, rt_prefetch())
              }
            }
          }
        }
      }
    }
  }

  /// The AMX units by which gradients are made in bf16x2, on data in the second-level cache; a product of floats is
  /// counted once, not for each product of slices. Nil: there are none.
  package static func matrixUnits() -> Double? {
    guard rt_available_unit() == RT_UNIT_AMX else { return nil }
    let (blocks, repetitions, rows) = (8, 200, Int(RT_MR))
    let positions = 8 * Int(RT_PANEL)
    let tasks = 4 * Workers.shared.threads.load(ordering: .relaxed)
    let word: UInt32 = 0x3E9A_BE23
    let weights = [UInt32](repeating: word, count: rt_packed_row_words(blocks, RT_BF16X2))
    let (blockStride, blockSize) = (positions * Tensor.blockSize, Tensor.blockSize)
    let packed = [UInt32](repeating: word, count: rt_slices(RT_BF16X2) * blocks * blockStride)
    var line = rt_window()
    (line.out_height, line.out_width, line.out_stride) = (1, Int32(positions), 1)
    let lineWindow = line
    return fastest(
      of: 8, operations: 2 * Double(blocks * rows * rows * positions) * Double(repetitions * tasks)
    ) {
      Workers.shared.run(tasks) { _, _ in
        let sums = positions / Int(RT_PANEL) * rt_panel_sum_floats(RT_BF16X2)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * positions + sums) { memory in
          withUnsafePointer(to: 0) { offset in
            var layout = rt_packed_layout(
              format: RT_BF16X2, channel_blocks: Int32(blocks), width: Int32(positions), taps: 1,
              taps_width: 1,
              tap_offsets: offset, strip_stride: 0, slice_stride: blocks * blockStride,
              block_stride: blockStride,
              phase_stride: blockStride)
            var strip = rt_strip(image: 0, row: 0, rows: 1, column: 0, columns: Int32(positions))
            var (window, epilogue) = (lineWindow, rt_epilogue())
            for _ in 0..<repetitions {
              rt_low_precision_gemm(
                memory.baseAddress!, positions * blockSize, weights, rows, false, packed, &layout, &window,
                &strip,
                1, &epilogue, memory.baseAddress! + rows * positions)
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
