import Glibc

/// One block of memory in which blocks that live at different times share their place.
package final class Arena {
  /// A block that is needed from `first` through `last`.
  package struct Block {
    package var size: Int
    package var first, last: Int

    package init(size: Int, first: Int, last: Int) {
      (self.size, self.first, self.last) = (size, first, last)
    }
  }

  let base: UnsafeMutablePointer<Float>

  /// - Throws: `RuntimeError.outOfMemory`
  init(floats: Int) throws {
    let (bytes, overflow) = max(floats, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    var memory: UnsafeMutableRawPointer?
    guard !overflow, bytes < Int.max / 2, posix_memalign(&memory, 64, bytes) == 0, let memory else {
      throw RuntimeError.outOfMemory(bytes: overflow ? .max : bytes)
    }
    base = memory.bindMemory(to: Float.self, capacity: floats)
  }

  deinit { free(base) }

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
