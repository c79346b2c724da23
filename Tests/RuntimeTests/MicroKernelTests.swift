import CKernels
import Testing

/// The micro-kernels as written for each kind of CPU, as far as this one can execute them, against sums in double
/// precision.
@Suite struct MicroKernelTests {
  private static let (rows, blockSize, panel) = (Int(RT_MR), Int(RT_BLOCK), Int(RT_PANEL))

  private static func variants() -> [rt_micro_kernel_variant] {
    var count = 0
    let first = rt_micro_kernel_variants(&count)
    return (0..<count).map { first[$0] }
  }

  private func random(_ name: String, _ count: Int) -> [Float] { uniform(name, count).map { 2 * $0 - 1 } }

  /// Whether each sum of so many products is right, up to the rounding of each of them.
  private func agrees(
    _ depth: Int, rows: Int, positions: Int, own: (_ row: Int, _ position: Int) -> Float,
    product: (_ k: Int, _ row: Int, _ position: Int) -> Float
  ) -> Bool {
    for row in 0..<rows {
      for position in 0..<positions {
        let sum = (0..<depth).reduce(0.0) { $0 + Double(product($1, row, position)) }
        if abs(Double(own(row, position)) - sum) > 1e-6 * Double(depth + 1) { return false }
      }
    }
    return true
  }

  /// Random words of two bfloat16, as floats.
  private func randomBF16Pairs(_ name: String, _ count: Int) -> [Float] {
    random(name, 2 * count).withUnsafeBufferPointer { values in
      (0..<count).map { k in
        let (low, high) = (values[2 * k].bitPattern >> 16, values[2 * k + 1].bitPattern & 0xffff_0000)
        return Float(bitPattern: low | high)
      }
    }
  }

  /// The product of two floats, or of two words of bfloat16, which is the sum of two products.
  private func product(_ x: Float, _ y: Float, _ format: rt_format) -> Float {
    if format == RT_F32 { return x * y }
    func half(_ x: Float, _ high: Bool) -> Float {
      Float(bitPattern: high ? x.bitPattern & 0xffff_0000 : x.bitPattern << 16)
    }
    return half(x, false) * half(y, false) + half(x, true) * half(y, true)
  }

  /// K is [tap][block of channels][16], of positions that lie anywhere; by one row block and by two.
  @Test(
    arguments: [(0, 1), (1, 0), (1, 1), (1, 5), (9, 1), (4, 3)],
    [(1, RT_F32), (2, RT_F32), (1, RT_BF16), (2, RT_BF16)])
  func sums(_ size: (taps: Int, blocks: Int), _ kind: (rowBlocks: Int, format: rt_format)) {
    let (rowBlocks, format) = kind
    let (rows, blockSize, depth) = (
      MicroKernelTests.rows, MicroKernelTests.blockSize, size.taps * size.blocks * MicroKernelTests.blockSize
    )
    let (blockStride, rowBlockStride) = (7 * blockSize + 3, depth * rows + 5)
    let make = format == RT_F32 ? random : randomBF16Pairs
    let weights = make("w", 2 * rowBlockStride)
    let columns = make("c", 200 + blockStride * max(size.blocks, 1) + blockSize)
    for variant in MicroKernelTests.variants() {
      for count in 1...Int(rowBlocks == 2 ? RT_NR_DOUBLE : RT_NR_SINGLE) {
        let starts = words("from", count: size.taps * count + 1).map { Int($0 % 200) }
        var sums = [Float](repeating: .nan, count: rowBlocks * rows * count)
        columns.withUnsafeBufferPointer { columns in
          let pointers = starts.map { columns.baseAddress! + $0 }
          pointers.withUnsafeBufferPointer { pointers in
            weights.withUnsafeBufferPointer { weights in
              var input = rt_indirection(
                pointers: pointers.baseAddress!, taps: size.taps, blocks: size.blocks,
                block_stride: blockStride,
                format: format, accumulate: false)
              let all = rt_prefetch(
                weights: weights.baseAddress!, row_block_stride: rowBlockStride,
                square_stride: Int(RT_SQUARE),
                line: 0, lines: 0)
              let prefetch = rt_prefetch_of_pass(all, depth, count % 3, count)
              variant.kernel(
                &sums, weights.baseAddress!, rowBlockStride, Int32(rowBlocks), &input, count, prefetch)
            }
          }
        }
        let isRight = agrees(
          depth, rows: rowBlocks * rows, positions: count, own: { sums[$1 * rowBlocks * rows + $0] },
          product: { k, row, position in
            let (tap, channel) = k.quotientAndRemainder(dividingBy: size.blocks * blockSize)
            let at = starts[tap * count + position] + channel / blockSize * blockStride + channel % blockSize
            return product(weights[row / rows * rowBlockStride + k * rows + row % rows], columns[at], format)
          })
        #expect(isRight, "\(String(cString: variant.name)), \(count) positions")
      }
    }
  }

  /// Panels in bf16 and bf16x2, by each unit that this CPU has, anew and continued.
  @Test(arguments: [RT_BF16, RT_BF16X2], [1, 3, 17]) func bf16Panels(format: rt_format, kBlocks: Int) {
    let (rows, panel, blockSize) = (
      MicroKernelTests.rows, MicroKernelTests.panel, MicroKernelTests.blockSize
    )
    let slices = rt_slices(format)
    // Two bfloat16 in a word.
    func words(_ name: String, _ count: Int) -> [UInt32] {
      zip(random(name, count), random(name + "'", count)).map { low, high in
        low.bitPattern >> 16 | high.bitPattern & 0xFFFF_0000
      }
    }
    func half(_ word: UInt32, _ high: Int) -> Double {
      Double(Float(bitPattern: high == 1 ? word & 0xFFFF_0000 : word << 16))
    }
    let sliceWords = rows * blockSize
    let weights = words("w", kBlocks * slices * sliceWords)
    let (blockStride, sliceStride) = ((panel + 1) * blockSize, kBlocks * (panel + 1) * blockSize)
    let columns = words("c", slices * sliceStride)
    let offsets = (0..<kBlocks).map { $0 * blockStride }
    let before = random("s", rows * panel)

    var expected = before.map(Double.init)
    for p in 0..<panel {
      for r in 0..<rows {
        for k in 0..<kBlocks {
          for i in 0..<slices {
            for j in 0..<slices - i {
              for l in 0..<blockSize {
                let row = (r / blockSize * blockSize + l) * blockSize + r % blockSize
                let a = weights[(k * slices + i) * sliceWords + row]
                let b = columns[offsets[k] + j * sliceStride + p * blockSize + l]
                for h in 0...1 { expected[p * rows + r] += half(a, h) * half(b, h) }
              }
            }
          }
        }
      }
    }
    eachUnit(format, weights, columns, offsets, sliceStride: sliceStride, from: before) { unit, anew, sums in
      let wanted = anew ? zip(expected, before).map { $0 - Double($1) } : expected
      #expect(relativeError(sums, wanted) < 1e-6, "\(unit)")
    }
  }

  /// Makes a panel by each unit that this CPU has, continued from given sums and anew.
  private func eachUnit(
    _ format: rt_format, _ weights: [UInt32], _ columns: [UInt32], _ offsets: [Int], sliceStride: Int,
    from before: [Float], _ check: (_ unit: String, _ anew: Bool, _ sums: [Float]) -> Void
  ) {
    var count = 0
    let variants = rt_panel_kernel_variants(&count)
    for variant in UnsafeBufferPointer(start: variants, count: count)
    where variant.max_slices >= rt_slices(format) {
      for anew in [false, true] {
        var sums = before
        weights.withUnsafeBufferPointer { weights in
          columns.withUnsafeBufferPointer { columns in
            offsets.withUnsafeBufferPointer { offsets in
              var operand = rt_panel_columns(
                packed: columns.baseAddress!, offsets: offsets.baseAddress!, slice_stride: sliceStride)
              rt_amx_begin()
              variant.kernel(&sums, weights.baseAddress!, &operand, offsets.count, format, anew, nil)
              rt_amx_end()
            }
          }
        }
        check(String(cString: variant.name), anew, sums)
      }
    }
  }

  /// Panels in int8x3, whose sums are exact, by each unit that this CPU has, anew and continued.
  @Test(arguments: [1, 3, 17]) func int8x3Panels(kBlocks: Int) {
    let (rows, panel, blockSize) = (
      MicroKernelTests.rows, MicroKernelTests.panel, MicroKernelTests.blockSize
    )
    let slices = Int(RT_INT8_SLICES)
    func words(_ name: String, _ count: Int) -> [UInt32] { random(name, count).map(\.bitPattern) }
    func byte(_ word: UInt32, _ number: Int) -> Int {
      Int(Int8(truncatingIfNeeded: word >> (8 * UInt32(number))))
    }
    let sliceWords = rows * blockSize
    let weights = words("w", kBlocks * slices * sliceWords)
    let (blockStride, sliceStride) = ((panel + 1) * blockSize, kBlocks * (panel + 1) * blockSize)
    let columns = words("c", slices * sliceStride)
    let offsets = (0..<kBlocks).map { $0 * blockStride }
    let before = (0..<slices * rows * panel).map { Int32(truncatingIfNeeded: $0 &* 7919) }

    var expected = [Int](repeating: 0, count: slices * rows * panel)
    for order in 0..<slices {
      for p in 0..<panel {
        for r in 0..<rows {
          var sum = 0
          for k in 0..<kBlocks {
            for i in 0...order {
              for l in 0..<blockSize {
                let row = (r / blockSize * blockSize + l) * blockSize + r % blockSize
                let a = weights[(k * slices + i) * sliceWords + row]
                let b = columns[offsets[k] + (order - i) * sliceStride + p * blockSize + l]
                for number in 0..<Int(RT_INT8_VNNI) { sum += byte(a, number) * byte(b, number) }
              }
            }
          }
          expected[(order * panel + p) * rows + r] = sum
        }
      }
    }
    eachUnit(
      RT_INT8X3, weights, columns, offsets, sliceStride: sliceStride,
      from: before.map { Float(bitPattern: UInt32(bitPattern: $0)) }
    ) { unit, anew, sums in
      let made = sums.map { Int(Int32(bitPattern: $0.bitPattern)) }
      let wanted = zip(expected, before).map { anew ? $0 : $0 + Int($1) }
      #expect(made == wanted, "\(unit)")
    }
  }
}
