import Glibc

/// Floats at a place that does not change, uninitialised.
final class FloatBlock: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  /// Bytes that were mapped; 0: the memory is from the heap.
  private let mapped: Int

  /// Pages of this size spare most of the faults of a large block's first use.
  private static let hugePage = 2 << 20

  /// - Throws: `RuntimeError.outOfMemory`
  init(count: Int) throws {
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard !overflow, bytes < Int.max / 2, AvailableMemory.allows(bytes) else {
      throw RuntimeError.outOfMemory(bytes: overflow ? .max : bytes)
    }
    let memory: UnsafeMutableRawPointer?
    if bytes < FloatBlock.hugePage {
      memory = aligned_alloc(64, (bytes + 63) / 64 * 64)
      mapped = 0
    } else {
      memory = FloatBlock.map(bytes)
      mapped = bytes
    }
    guard let memory else { throw RuntimeError.outOfMemory(bytes: bytes) }
    base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  /// Maps memory apart from the heap, so that what lies between such blocks is given back too.
  private static func map(_ bytes: Int) -> UnsafeMutableRawPointer? {
    let all = bytes + hugePage
    guard
      let memory = mmap(nil, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else { return nil }
    // What is before the first whole page and behind the block is not needed.
    let before = (hugePage - Int(bitPattern: memory) % hugePage) % hugePage
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let after = (before + bytes + page - 1) / page * page
    if before > 0 { munmap(memory, before) }
    if all > after { munmap(memory + after, all - after) }
    // Only a hint, so it may fail.
    madvise(memory + before, bytes, MADV_HUGEPAGE)
    return memory + before
  }

  deinit {
    if mapped > 0 { munmap(base, mapped) } else { free(base) }
  }
}

/// One block of memory, shared by what lives at different times.
package enum Arena {
  /// A block that is needed from time `first` through `last`.
  package struct Block {
    package var size: Int
    package var first, last: Int

    package init(size: Int, first: Int, last: Int) {
      (self.size, self.first, self.last) = (size, first, last)
    }
  }

  /// An offset for each block, the large ones first, each as low as those that live beside it allow.
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
