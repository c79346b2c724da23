import CLastWords
import Glibc
import Imaging
import RobustRuntime

/// What becomes of the program where memory is not to be had: one line, exit code 1, and no temporary files.
enum OutOfMemory {
  /// - Parameter command: as messages begin.
  /// To be called before other threads start.
  static func prepare(command: String) {
    last_words_prepare(
      "\(command): out of memory; use a smaller picture or fewer --threads, or raise the limit (ulimit -v)"
    ) {
      Imaging.removePendingOutput()
      CrashIsolation.noteLackOfMemory()
    }
    if AvailableMemory.addressSpace != nil { Stack.spareAddressSpace() }
  }
}
