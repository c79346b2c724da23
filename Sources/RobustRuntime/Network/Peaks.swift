import CKernels
import COpenBLAS
import Synchronization

/// The most that this machine's processors do in products of floats, to measure operators by; operations per
/// second, a product and a sum being two.
package enum Peaks {
  /// A matrix product by OpenBLAS, of a size that suits it, on as many threads as compute.
  package static func matrixProduct() -> Double {
    let size = 1536
    let (a, b) = ([Float](repeating: 0.5, count: size * size), [Float](repeating: 0.25, count: size * size))
    var product = [Float](repeating: 0, count: size * size)
    let n = blasint(size)
    openblas_set_num_threads(Int32(Workers.shared.threads.load(ordering: .relaxed)))
    defer { openblas_set_num_threads(1) }
    return fastest(of: 8, operations: 2 * Double(size) * Double(size) * Double(size)) {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, &product, n)
    }
  }

  /// The tiles of which convolutions are made, on data in the first-level cache.
  package static func tiles() -> Double {
    let (depth, repetitions, rows, panel) = (192, 2000, Int(RT_ROWS), Int(RT_PANEL))
    let pieces = 4 * Workers.shared.threads.load(ordering: .relaxed)
    let weights = [Float](repeating: 0.5, count: depth * rows)
    let columns = [Float](repeating: 0.25, count: depth * panel)
    return fastest(of: 8, operations: 2 * Double(depth * rows * panel) * Double(repetitions * pieces)) {
      Workers.shared.run(pieces) { _, _ in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * panel) { tile in
          for _ in 0..<repetitions { rt_tile(tile.baseAddress!, weights, columns, depth, panel) }
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
