import Imaging
import RobustRuntime

/// One --threads for all that computes; 0 for all processors that are given. Returns how many there are to be.
func configureRuntime(threads: Int) -> Int {
  let threads = threads > 0 ? threads : Processors.count
  RobustRuntime.configure(threads: threads)
  Imaging.configure(threads: threads)
  return threads
}

/// - Throws: `Failure` where this processor does not offer the precision.
func configureRuntime(precision: Precision) throws {
  guard precision.isOffered else {
    throw Failure.failed(
      "--precision \(precision.rawValue): this processor has no units for it (AMX, or AVX-512 with bfloat16); leave it out"
    )
  }
  RobustRuntime.configure(precision: precision)
}
