import Glibc

/// Floats at a place that does not change, uninitialised.
final class FloatBlock: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>

  /// Pages of this size spare most of the faults of a large block's first use.
  private static let hugePage = 2 << 20

  /// - Throws: `RuntimeError.outOfMemory`
  init(count: Int) throws {
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    let isLarge = bytes >= FloatBlock.hugePage
    var memory: UnsafeMutableRawPointer?
    guard !overflow, bytes < Int.max / 2,
      posix_memalign(&memory, isLarge ? FloatBlock.hugePage : 64, bytes) == 0, let memory
    else { throw RuntimeError.outOfMemory(bytes: overflow ? .max : bytes) }
    // Only a hint, so it may fail.
    if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  deinit { free(base) }
}

/// Places in one block of memory, shared by what lives at different times.
package enum Arena {
  /// A piece that is needed from `first` through `last`.
  package struct Block {
    package var size: Int
    package var first, last: Int

    package init(size: Int, first: Int, last: Int) {
      (self.size, self.first, self.last) = (size, first, last)
    }
  }

  /// A place for each block, the large ones first, each as low as those that live beside it allow.
  package static func layout(_ blocks: [Block]) -> (offsets: [Int], total: Int) {
    var offsets = [Int](repeating: 0, count: blocks.count)
    var placed: [Int] = []
    var total = 0
    for k in blocks.indices.sorted(by: { (blocks[$0].size, $1) > (blocks[$1].size, $0) }) {
      let block = blocks[k]
      var at = 0
      for other in placed where blocks[other].first <= block.last && block.first <= blocks[other].last {
        // `placed` is in the order of offsets, so the first gap that is wide enough is the lowest.
        if at + block.size <= offsets[other] { break }
        at = max(at, offsets[other] + blocks[other].size)
      }
      offsets[k] = at
      total = max(total, at + block.size)
      placed.insert(k, at: placed.firstIndex { offsets[$0] > at } ?? placed.count)
    }
    return (offsets, total)
  }
}
