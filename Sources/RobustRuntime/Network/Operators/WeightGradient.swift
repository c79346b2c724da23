import CKernels

/// The gradient of a convolution's weights [out][in / groups][row][column], with an algorithm that suits its shapes: for
/// each weight the sum, over all positions, of what its tap sees times the gradient of the output. K is of positions.
protocol BoundWeightGradient {
  /// Floats that each worker needs.
  var scratch: Int { get }
  /// Floats that all workers need together.
  var sharedScratch: Int { get }
  /// Adds the gradient to `weights`. The zero pixels of both maps have been cleared.
  /// - Parameters:
  ///   - input: [C/16][N·H·W + 1][16]
  ///   - gradient: [C/16][N·H·W + 1][16], of the output
  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch)
}

extension Convolution.Geometry {
  func weightGradient(images: Int, from input: Shape, to output: Shape) -> any BoundWeightGradient {
    let maps = ConvolutionMaps(self, images: images, from: input, to: output)
    if groups == 1 && inChannels <= Tensor.blockSize * 3 / 4 && height * width > 1 {
      return Im2ColWeightGradient(maps: maps)
    }
    if groups == 1 && height == 3 && width == 3 && stride == 1 && algorithm != .direct {
      return WinogradWeightGradient(maps: maps)
    }
    if usesStridedWinograd(images: images, from: input, to: output) {
      return StridedWinogradWeightGradient(images: images, from: input, to: output)
    }
    return DirectWeightGradient(maps: maps)
  }
}

extension Convolution.Geometry {
  /// RT_F32, or RT_BF16: the format of the weight gradient's products, where there are enough of them.
  fileprivate var weightGradientFormat: rt_format {
    if case .winogradBF16 = algorithm { return RT_BF16 }
    return algorithm == nil && Precision.current == .bfloat16 ? RT_BF16 : RT_F32
  }
}

/// The shapes of a convolution's maps, as the kernels take them.
struct ConvolutionMaps {
  let geometry: Convolution.Geometry
  let images: Int
  /// The block strides of the input and of the output.
  let inBlockStride, outBlockStride: Int
  let inBlocks, outBlocks: Int
  let window: rt_window
  /// Positions of the output, over all images.
  let positions: Int

  init(_ geometry: Convolution.Geometry, images: Int, from input: Shape, to output: Shape) {
    (self.geometry, self.images) = (geometry, images)
    (inBlockStride, outBlockStride) = (input.blockStride(images: images), output.blockStride(images: images))
    (inBlocks, outBlocks) = (input.channelBlocks, output.channelBlocks)
    positions = images * output.height * output.width
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), stride: Int32(geometry.stride), top: Int32(-geometry.padding.top),
      left: Int32(-geometry.padding.left), taps_height: Int32(geometry.height),
      taps_width: Int32(geometry.width),
      out_height: Int32(output.height), out_width: Int32(output.width), out_stride: 1, out_y: 0, out_x: 0)
  }

  var taps: Int { geometry.height * geometry.width }
}

/// The weight gradient of a 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): the adjoint of its transform of
/// the weights, of sums over the tiles of transformed inputs times transformed gradients. Tiles are taken in runs
/// that stay in the caches. Where one run has them all, each block of inputs is finished by itself, and needs
/// little memory.
private struct WinogradWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  private let tiles, runTiles: Int
  /// RT_F32, or RT_BF16 with words of two tiles.
  private let format: rt_format

  private static let products = 36
  /// Floats of transformed maps that a run has at most, if it has more tiles than the fewest.
  private static let budget = 1 << 19
  private static let (fewestTiles, mostTiles) = (32, 256)
  /// Floats of the sums of all products, above which as many tiles as can be are taken in one run.
  private static let mostSums = 1 << 22
  /// Tiles that are transformed by one task.
  private static let taskTiles = 16
  /// Blocks of inputs whose sums are made by one task.
  private static let taskBlocks = 4

  init(maps: ConvolutionMaps) {
    (self.maps, format) = (maps, maps.geometry.weightGradientFormat)
    let (height, width) = (Int(maps.window.grid_height), Int(maps.window.grid_width))
    tiles = maps.images * ((height + 3) / 4) * ((width + 3) / 4)
    let ofTile = Self.products * Tensor.blockSize * (maps.inBlocks + maps.outBlocks)
    let sums = Self.products * maps.inBlocks * maps.outBlocks * Tensor.blockSize * Tensor.blockSize
    let most =
      sums > Self.mostSums ? Self.mostTiles : min(max(Self.budget / ofTile, Self.fewestTiles), Self.mostTiles)
    let runs = max((tiles + most - 1) / most, 1)
    runTiles = (tiles + runs - 1) / runs
  }

  private var isOneRun: Bool { runTiles == tiles }
  /// K of so many tiles.
  private func depth(_ tiles: Int) -> Int { format == RT_F32 ? tiles : (tiles + 1) / 2 }
  /// Floats from one product to the next; so much more than its tiles have that products do not meet in the same
  /// sets of a cache.
  private var productStride: Int { depth(runTiles) * Tensor.blockSize + Tensor.blockSize }
  private var blockFloats: Int { Self.products * productStride }
  private var outChannels: Int { maps.outBlocks * Tensor.blockSize }
  /// Floats of the sums of one product, for the inputs whose sums lie side by side.
  private var sumFloats: Int { (isOneRun ? 1 : maps.inBlocks) * Tensor.blockSize * outChannels }

  var scratch: Int { isOneRun ? Self.products * sumFloats : 0 }
  var sharedScratch: Int {
    (maps.inBlocks + maps.outBlocks) * blockFloats + (isOneRun ? 0 : Self.products * sumFloats)
  }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let inputs = scratch.shared
    let gradients = inputs + maps.inBlocks * blockFloats
    if isOneRun {
      transform(input, gradient, 0, tiles, inputs, gradients)
      Workers.shared.run(maps.inBlocks) { block, worker in
        let sums = scratch[worker]
        for product in 0..<Self.products {
          addProduct(product, inputs, gradients, block, tiles, to: sums + product * sumFloats, anew: true)
        }
        finish(block, sums, to: weights)
      }
      return
    }
    let sums = gradients + maps.outBlocks * blockFloats
    for first in stride(from: 0, to: tiles, by: runTiles) {
      let count = min(runTiles, tiles - first)
      transform(input, gradient, first, count, inputs, gradients)
      let ranges = (maps.inBlocks + Self.taskBlocks - 1) / Self.taskBlocks
      Workers.shared.run(Self.products * ranges) { task, _ in
        let (product, range) = task.quotientAndRemainder(dividingBy: ranges)
        for block in maps.inBlocks * range / ranges..<maps.inBlocks * (range + 1) / ranges {
          let own = sums + product * sumFloats + block * Tensor.blockSize * outChannels
          addProduct(product, inputs, gradients, block, count, to: own, anew: first == 0)
        }
      }
    }
    Workers.shared.run(maps.inBlocks) { block, _ in
      finish(block, sums + block * Tensor.blockSize * outChannels, to: weights)
    }
  }

  private func transform(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ first: Int, _ count: Int,
    _ inputs: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>
  ) {
    let tasks = (count + Self.taskTiles - 1) / Self.taskTiles
    Workers.shared.run(2 * tasks) { task, _ in
      let at = task / 2 * Self.taskTiles
      withUnsafePointer(to: maps.window) { window in
        var some = rt_winograd_tiles(
          window: window, side: 4, rotated: false, images: maps.images, first: first + at,
          count: min(Self.taskTiles, count - at), depth: Tensor.blockSize, product_stride: productStride,
          block_stride: blockFloats, packing: format == RT_F32 ? RT_NOT_PACKED : RT_PACKED_TILES)
        let to = depth(at) * Tensor.blockSize
        if task % 2 == 0 {
          rt_winograd_input(inputs + to, input, maps.inBlockStride, maps.inBlocks, &some)
        } else {
          rt_winograd_output_gradient(gradients + to, gradient, maps.outBlockStride, maps.outBlocks, &some)
        }
      }
    }
  }

  /// Adds the sums of one product, for a block of inputs and all outputs.
  private func addProduct(
    _ product: Int, _ inputs: UnsafePointer<Float>, _ gradients: UnsafePointer<Float>, _ block: Int,
    _ count: Int,
    to sums: UnsafeMutablePointer<Float>, anew: Bool
  ) {
    var outer = rt_outer_operands(
      left: inputs + block * blockFloats + product * productStride,
      right: gradients + product * productStride,
      left_stride: Tensor.blockSize, right_stride: Tensor.blockSize, right_block_stride: blockFloats,
      depth: depth(count), format: format)
    let rows = min(Tensor.blockSize, maps.geometry.inChannels - block * Tensor.blockSize)
    rt_outer_product(sums, outChannels, &outer, rows, maps.outBlocks, anew)
  }

  /// Adds the gradients of a block of inputs' weights, from sums [product][input][output].
  private func finish(_ block: Int, _ sums: UnsafePointer<Float>, to weights: UnsafeMutablePointer<Float>) {
    let (ins, outs) = (maps.geometry.inChannels, maps.geometry.outChannels)
    let first = block * Tensor.blockSize
    for i in first..<min(first + Tensor.blockSize, ins) {
      rt_winograd_weight_gradient(weights + i * 9, sums + (i - first) * outChannels, sumFloats, ins, outs)
    }
  }
}

/// The weight gradient of any convolution, tap by tap: what a tap sees of a block of inputs times the gradients of some
/// blocks of outputs.
private struct DirectWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  /// RT_F32, or RT_BF16 with words of two positions.
  private let format: rt_format

  /// Positions whose inputs are gathered at a time.
  private static let stripPositions = 256
  /// Blocks of outputs of one task.
  private static let taskBlocks = 4

  init(maps: ConvolutionMaps) { (self.maps, format) = (maps, maps.geometry.weightGradientFormat) }

  private var isPointwise: Bool { withUnsafePointer(to: maps.window) { rt_is_pointwise($0) } }
  private var sumFloats: Int { Tensor.blockSize * Self.taskBlocks * Tensor.blockSize }

  var scratch: Int { sumFloats + Self.stripPositions * Tensor.blockSize }
  /// Floats of the packed gradient of a block of outputs.
  private var packedFloats: Int { (maps.positions + 1) / 2 * Tensor.blockSize }
  var sharedScratch: Int { format == RT_BF16 ? maps.outBlocks * packedFloats : 0 }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let g = maps.geometry
    if format == RT_BF16 { pack(gradient, to: scratch.shared) }
    let (right, rightBlockStride) =
      format == RT_BF16 ? (UnsafePointer(scratch.shared), packedFloats) : (gradient, maps.outBlockStride)
    let groupsOfBlocks = (maps.outBlocks + Self.taskBlocks - 1) / Self.taskBlocks
    Workers.shared.run(maps.inBlocks * maps.taps * groupsOfBlocks) { task, worker in
      let (rest, outGroup) = task.quotientAndRemainder(dividingBy: groupsOfBlocks)
      let (inBlock, tap) = rest.quotientAndRemainder(dividingBy: maps.taps)
      let ins = inBlock * Tensor.blockSize..<min((inBlock + 1) * Tensor.blockSize, g.inChannels)
      let outBlocks = seenBlocks(of: ins).clamped(
        to: outGroup * Self.taskBlocks..<min((outGroup + 1) * Self.taskBlocks, maps.outBlocks))
      guard !outBlocks.isEmpty else { return }
      let sums = scratch[worker]
      let width = outBlocks.count * Tensor.blockSize
      for first in stride(from: 0, to: maps.positions, by: Self.stripPositions) {
        let count = min(Self.stripPositions, maps.positions - first)
        var outer = rt_outer_operands(
          left: gathered(input + inBlock * maps.inBlockStride, tap, first, count, sums + sumFloats),
          right: right + outBlocks.lowerBound * rightBlockStride + depth(first) * Tensor.blockSize,
          left_stride: Tensor.blockSize, right_stride: Tensor.blockSize, right_block_stride: rightBlockStride,
          depth: depth(count), format: format)
        rt_outer_product(sums, width, &outer, ins.count, outBlocks.count, first == 0)
      }
      add(sums, width, ins, outBlocks, tap, to: weights)
    }
  }

  /// K of so many positions.
  private func depth(_ positions: Int) -> Int { format == RT_F32 ? positions : (positions + 1) / 2 }

  private func pack(_ gradient: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>) {
    let strips = (maps.positions + Self.stripPositions - 1) / Self.stripPositions
    Workers.shared.run(maps.outBlocks * strips) { task, _ in
      let (block, strip) = task.quotientAndRemainder(dividingBy: strips)
      let first = strip * Self.stripPositions
      rt_pack_positions_bf16(
        packed + block * packedFloats + first / 2 * Tensor.blockSize,
        gradient + block * maps.outBlockStride + first * Tensor.blockSize,
        min(Self.stripPositions, maps.positions - first))
    }
  }

  /// Blocks of the outputs whose groups see some of these inputs.
  private func seenBlocks(of ins: Range<Int>) -> Range<Int> {
    let g = maps.geometry
    let (groupIns, groupOuts) = (g.inChannels / g.groups, g.outChannels / g.groups)
    let (first, last) = (ins.lowerBound / groupIns, (ins.upperBound - 1) / groupIns)
    return first * groupOuts / Tensor.blockSize..<Tensor.blocks((last + 1) * groupOuts)
  }

  /// What the tap sees from these positions, [K][16].
  private func gathered(
    _ input: UnsafePointer<Float>, _ tap: Int, _ first: Int, _ count: Int,
    _ scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    if isPointwise {
      let found = input + first * Tensor.blockSize
      if format == RT_F32 { return found }
      rt_pack_positions_bf16(scratch, found, count)
    } else {
      var window = maps.window
      let (row, column) = tap.quotientAndRemainder(dividingBy: maps.geometry.width)
      (window.top, window.left) = (window.top + Int32(row), window.left + Int32(column))
      rt_gather(scratch, input, &window, first, count, format)
    }
    return UnsafePointer(scratch)
  }

  private func add(
    _ sums: UnsafePointer<Float>, _ width: Int, _ ins: Range<Int>, _ outBlocks: Range<Int>, _ tap: Int,
    to weights: UnsafeMutablePointer<Float>
  ) {
    let g = maps.geometry
    let (groupIns, groupOuts) = (g.inChannels / g.groups, g.outChannels / g.groups)
    let firstOut = outBlocks.lowerBound * Tensor.blockSize
    if maps.taps == 1 && g.groups == 1 {
      rt_add_transposed(
        weights + firstOut * groupIns + ins.lowerBound, groupIns, sums, width, ins.count,
        min(width, groupOuts - firstOut))
      return
    }
    for i in ins {
      let (group, own) = i.quotientAndRemainder(dividingBy: groupIns)
      let row = sums + (i - ins.lowerBound) * width
      let outs = max(group * groupOuts, firstOut)..<min((group + 1) * groupOuts, firstOut + width)
      rt_add_strided(
        weights + (outs.lowerBound * groupIns + own) * maps.taps + tap, groupIns * maps.taps,
        row + outs.lowerBound - firstOut, outs.count)
    }
  }
}

/// The weight gradient of a convolution of few inputs, by im2col: a matrix product of patches with the gradients.
/// Positions are shared out among tasks whose number does not depend on the threads; their sums are added in order.
private struct Im2ColWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  private let tasks: Int

  private static let stripPositions = 128
  private static let mostTasks = 16

  init(maps: ConvolutionMaps) {
    self.maps = maps
    tasks = min((maps.positions + Self.stripPositions - 1) / Self.stripPositions, Self.mostTasks)
  }

  private var rows: Int { maps.taps * maps.geometry.inChannels }
  /// Floats of a patch.
  private var patchFloats: Int { Tensor.blocks(rows) * Tensor.blockSize }
  private var width: Int { maps.outBlocks * Tensor.blockSize }

  // A patch is written in whole vectors, the last of which may reach beyond it.
  var scratch: Int { Self.stripPositions * patchFloats + Tensor.blockSize }
  var sharedScratch: Int { tasks * rows * width }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let channels = maps.geometry.inChannels
    Workers.shared.run(tasks) { task, worker in
      let sums = scratch.shared + task * rows * width
      let (begin, end) = (maps.positions * task / tasks, maps.positions * (task + 1) / tasks)
      for first in stride(from: begin, to: end, by: Self.stripPositions) {
        let (count, patches) = (min(Self.stripPositions, end - first), scratch[worker])
        withUnsafePointer(to: maps.window) {
          rt_im2col(patches, input, Int32(channels), $0, maps.images, first, count, patchFloats)
        }
        var outer = rt_outer_operands(
          left: patches, right: gradient + first * Tensor.blockSize, left_stride: patchFloats,
          right_stride: Tensor.blockSize, right_block_stride: maps.outBlockStride, depth: count,
          format: RT_F32)
        rt_outer_product(sums, width, &outer, rows, maps.outBlocks, first == begin)
      }
    }
    for task in 0..<tasks {
      let sums = scratch.shared + task * rows * width
      for row in 0..<rows {
        let (tap, channel) = row.quotientAndRemainder(dividingBy: channels)
        for o in 0..<maps.geometry.outChannels {
          weights[(o * channels + channel) * maps.taps + tap] += sums[row * width + o]
        }
      }
    }
  }
}
